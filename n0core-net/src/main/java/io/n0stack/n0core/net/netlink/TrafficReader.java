package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads queueing disciplines, classes and filters. What no kernel has today, or what our own rules do
 * not allow, becomes of an "other" kind and does not make it fail.
 */
final class TrafficReader {
  private TrafficReader() {}

  /** What all messages about traffic have. */
  private static final class Parts {
    final int link;
    final int handle;
    final TrafficHandle parent;
    final int info;
    final String kind;
    final @Nullable Attributes options;
    final byte[] raw;
    final TrafficStatistics statistics;

    private Parts(ByteBuffer bytes, int from, int to) {
      int body = from + Wire.NLMSG_HEADER;
      link = bytes.getInt(body + TrafficNumbers.TCM_IFINDEX);
      handle = bytes.getInt(body + TrafficNumbers.TCM_HANDLE);
      parent = TrafficHandle.of(bytes.getInt(body + TrafficNumbers.TCM_PARENT));
      info = bytes.getInt(body + TrafficNumbers.TCM_INFO);
      String name = "";
      TrafficStatistics done = TrafficStatistics.NONE;
      @Nullable Attributes inner = null;
      byte[] octets = {};
      Attributes attributes = new Attributes(bytes, body + TrafficNumbers.TCMSG, to);
      while (attributes.advance()) {
        switch (attributes.type()) {
          case TrafficNumbers.TCA_KIND -> name = attributes.text();
          case TrafficNumbers.TCA_OPTIONS -> {
            inner = attributes.nested();
            octets = attributes.octets();
          }
          case TrafficNumbers.TCA_STATS2 -> done = TrafficStatistics.read(attributes.nested());
          default -> {
            // older statistics, chains and offloading
          }
        }
      }
      kind = name;
      statistics = done;
      options = inner;
      raw = octets;
    }

    static @Nullable Parts of(ByteBuffer bytes, int from, int to, int type) {
      return Short.toUnsignedInt(bytes.getShort(from + 4)) != type
              || to - from < Wire.NLMSG_HEADER + TrafficNumbers.TCMSG
          ? null
          : new Parts(bytes, from, to);
    }

    String hex() {
      return HexFormat.of().formatHex(raw);
    }
  }

  static @Nullable Qdisc qdisc(ByteBuffer bytes, int from, int to) {
    Parts parts = Parts.of(bytes, from, to, TrafficNumbers.RTM_NEWQDISC);
    if (parts == null) {
      return null;
    }
    QdiscKind kind;
    try {
      kind = qdiscKind(parts);
    } catch (N0Exception e) {
      kind = otherQdisc(parts);
    }
    return kind == null
        ? null
        : new Qdisc(
            parts.link, TrafficHandle.of(parts.handle), parts.parent, kind, parts.statistics);
  }

  private static @Nullable QdiscKind otherQdisc(Parts parts) {
    try {
      return new QdiscKind.Other(parts.kind, parts.hex());
    } catch (N0Exception e) {
      return null; // no kind has such a name: the message is damaged
    }
  }

  private static QdiscKind qdiscKind(Parts parts) {
    Attributes options = parts.options;
    if (options == null) {
      return switch (parts.kind) {
        case "ingress" -> new QdiscKind.Ingress();
        case "clsact" -> new QdiscKind.Clsact();
        default -> new QdiscKind.Other(parts.kind, "");
      };
    }
    return switch (parts.kind) {
      case "tbf" -> tbf(options);
      case "htb" -> htb(options);
      case "pfifo" -> new QdiscKind.Fifo(QdiscKind.Fifo.Unit.PACKETS, limit(parts));
      case "bfifo" -> new QdiscKind.Fifo(QdiscKind.Fifo.Unit.BYTES, limit(parts));
      case "netem" -> netem(parts);
      case "pfifo_fast" -> new QdiscKind.PfifoFast();
      case "ingress" -> new QdiscKind.Ingress();
      case "clsact" -> new QdiscKind.Clsact();
      default -> new QdiscKind.Other(parts.kind, parts.hex());
    };
  }

  private static long limit(Parts parts) {
    return parts.raw.length < Integer.BYTES
        ? 0
        : Integer.toUnsignedLong(Wire.order(parts.raw).getInt(0));
  }

  private static QdiscKind netem(Parts parts) {
    ByteBuffer structure = room(parts.raw, TrafficNumbers.NETEM_QOPT);
    double loss = (double) Integer.toUnsignedLong(structure.getInt(8)) / TrafficWriter.ALWAYS;
    return new QdiscKind.Netem(
        SchedulerTicks.time(structure.getInt(0)),
        SchedulerTicks.time(structure.getInt(20)),
        (int) Math.round(loss * 1e6),
        structure.getInt(4));
  }

  private static QdiscKind tbf(Attributes options) {
    @Nullable ByteBuffer structure = null;
    long rate64 = 0;
    long peak64 = 0;
    while (options.advance()) {
      switch (options.type()) {
        case TrafficNumbers.TCA_TBF_PARMS ->
          structure = room(options.octets(), TrafficNumbers.TBF_QOPT);
        case TrafficNumbers.TCA_TBF_RATE64 -> rate64 = options.longNumber();
        case TrafficNumbers.TCA_TBF_PRATE64 -> peak64 = options.longNumber();
        default -> {
          // what only requests have
        }
      }
    }
    ByteBuffer found = structure == null ? ByteBuffer.allocate(TrafficNumbers.TBF_QOPT) : structure;
    int numbers = 2 * TrafficNumbers.RATESPEC;
    long rate = rate(found, 0, rate64);
    long peak = rate(found, TrafficNumbers.RATESPEC, peak64);
    return new QdiscKind.Tbf(
        bits(rate),
        SchedulerTicks.bytes(rate, found.getInt(numbers + 4)),
        Integer.toUnsignedLong(found.getInt(numbers)),
        peak == 0
            ? Optional.empty()
            : Optional.of(new QdiscKind.Tbf.Peak(
                bits(peak), SchedulerTicks.bytes(peak, found.getInt(numbers + 8)))));
  }

  private static QdiscKind htb(Attributes options) {
    int defaultClass = 0;
    int quantum = 0;
    while (options.advance()) {
      if (options.type() == TrafficNumbers.TCA_HTB_INIT) {
        quantum = options.number(4);
        defaultClass = options.number(8);
      }
    }
    return new QdiscKind.Htb(defaultClass, quantum);
  }

  /** Copies a structure; zeros stand for what is missing of it. */
  private static ByteBuffer room(byte[] octets, int size) {
    byte[] copy = new byte[size];
    System.arraycopy(octets, 0, copy, 0, Math.min(size, octets.length));
    return Wire.order(copy);
  }

  /** Reads struct tc_ratespec, in bytes per second. */
  private static long rate(ByteBuffer structure, int offset, long rate64) {
    return rate64 > 0
        ? rate64
        : Integer.toUnsignedLong(structure.getInt(offset + TrafficNumbers.RATESPEC_RATE));
  }

  private static long bits(long bytesPerSecond) {
    return bytesPerSecond > Long.MAX_VALUE / Byte.SIZE
        ? Long.MAX_VALUE
        : bytesPerSecond * Byte.SIZE;
  }

  static @Nullable TrafficClass trafficClass(ByteBuffer bytes, int from, int to) {
    Parts parts = Parts.of(bytes, from, to, TrafficNumbers.RTM_NEWTCLASS);
    if (parts == null) {
      return null;
    }
    TrafficClassKind kind;
    try {
      kind = parts.kind.equals("htb") && parts.options != null
          ? htbClass(parts.options)
          : new TrafficClassKind.Other(parts.kind, parts.hex());
    } catch (N0Exception e) {
      kind = otherClass(parts);
    }
    return kind == null
        ? null
        : new TrafficClass(
            parts.link, TrafficHandle.of(parts.handle), parts.parent, kind, parts.statistics);
  }

  private static @Nullable TrafficClassKind otherClass(Parts parts) {
    try {
      return new TrafficClassKind.Other(parts.kind, parts.hex());
    } catch (N0Exception e) {
      return null;
    }
  }

  private static TrafficClassKind htbClass(Attributes options) {
    ByteBuffer structure = ByteBuffer.allocate(TrafficNumbers.HTB_OPT);
    long rate64 = 0;
    long ceiling64 = 0;
    while (options.advance()) {
      switch (options.type()) {
        case TrafficNumbers.TCA_HTB_PARMS ->
          structure = room(options.octets(), TrafficNumbers.HTB_OPT);
        case TrafficNumbers.TCA_HTB_RATE64 -> rate64 = options.longNumber();
        case TrafficNumbers.TCA_HTB_CEIL64 -> ceiling64 = options.longNumber();
        default -> {
          // what only requests have
        }
      }
    }
    int numbers = 2 * TrafficNumbers.RATESPEC;
    long rate = rate(structure, 0, rate64);
    long ceiling = rate(structure, TrafficNumbers.RATESPEC, ceiling64);
    return new TrafficClassKind.Htb(
        bits(rate),
        bits(ceiling),
        SchedulerTicks.bytes(rate, structure.getInt(numbers)),
        SchedulerTicks.bytes(ceiling, structure.getInt(numbers + 4)),
        structure.getInt(numbers + 16),
        structure.getInt(numbers + 8));
  }

  static @Nullable Filter filter(ByteBuffer bytes, int from, int to) {
    Parts parts = Parts.of(bytes, from, to, TrafficNumbers.RTM_NEWTFILTER);
    if (parts == null || parts.options == null || !names(parts)) {
      return null;
    }
    FilterKind kind;
    try {
      kind = filterKind(parts.kind, parts.options, parts.hex());
    } catch (N0Exception e) {
      kind = otherFilter(parts);
    }
    int priority = parts.info >>> Short.SIZE;
    int etherType = TrafficWriter.networkShort(parts.info);
    return kind == null || priority == 0 || etherType == 0
        ? null
        : new Filter(
            parts.link, new FilterSpec(parts.parent, priority, etherType, parts.handle, kind));
  }

  /** A priority itself and the tables in which u32 looks up its filters are listed, too. */
  private static boolean names(Parts parts) {
    return parts.handle != 0
        && !(parts.kind.equals("u32") && (parts.handle & TrafficNumbers.U32_NODE) == 0);
  }

  private static @Nullable FilterKind otherFilter(Parts parts) {
    try {
      return new FilterKind.Other(parts.kind, parts.hex());
    } catch (N0Exception e) {
      return null;
    }
  }

  private static FilterKind filterKind(String kind, Attributes options, String hex) {
    boolean u32 = kind.equals("u32");
    if (!u32 && !kind.equals("matchall")) {
      return new FilterKind.Other(kind, hex);
    }
    int targetType = u32 ? TrafficNumbers.TCA_U32_CLASSID : TrafficNumbers.TCA_MATCHALL_CLASSID;
    int actionsType = u32 ? TrafficNumbers.TCA_U32_ACT : TrafficNumbers.TCA_MATCHALL_ACT;
    Optional<TrafficHandle> target = Optional.empty();
    List<FilterAction> actions = List.of();
    List<FilterKind.U32.Match> matches = List.of();
    while (options.advance()) {
      if (options.type() == targetType) {
        target = Optional.of(TrafficHandle.of(options.number()));
      } else if (options.type() == actionsType) {
        actions = FilterActionReader.read(options.nested());
      } else if (u32 && options.type() == TrafficNumbers.TCA_U32_SEL) {
        matches = matches(options);
      }
    }
    return u32
        ? new FilterKind.U32(matches, target, actions)
        : new FilterKind.MatchAll(target, actions);
  }

  private static List<FilterKind.U32.Match> matches(Attributes selector) {
    List<FilterKind.U32.Match> matches = new ArrayList<>();
    int end = TrafficNumbers.U32_SEL + selector.octet(2) * TrafficNumbers.U32_KEY;
    for (int at = TrafficNumbers.U32_SEL;
        at < Math.min(end, selector.length());
        at += TrafficNumbers.U32_KEY) {
      int mask = MessageWriter.toNetwork(selector.number(at));
      if (mask != 0) {
        matches.add(new FilterKind.U32.Match(
            MessageWriter.toNetwork(selector.number(at + 4)), mask, selector.number(at + 8)));
      }
    }
    return matches;
  }
}
