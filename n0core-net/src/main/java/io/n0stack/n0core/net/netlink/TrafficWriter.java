package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Writes TCA_KIND and TCA_OPTIONS. */
final class TrafficWriter {
  private static final long RATE32 = 0xffffffffL;
  /** A probability of 1, as netem counts. */
  static final long ALWAYS = 0xffffffffL;

  private static final int CELL_LOG = 3; // of the table, in which no kernel of today looks

  private TrafficWriter() {}

  /** Turns the lower 16 bits into those whose bytes are in network order, or back. */
  static int networkShort(int value) {
    short bits = (short) value;
    boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    return Short.toUnsignedInt(little ? Short.reverseBytes(bits) : bits);
  }

  static void write(MessageWriter message, QdiscKind kind) {
    message.text(TrafficNumbers.TCA_KIND, kind.kernelName());
    if (kind instanceof QdiscKind.Tbf tbf) {
      int options = message.open(TrafficNumbers.TCA_OPTIONS);
      write(message, tbf);
      message.close(options);
    } else if (kind instanceof QdiscKind.Htb htb) {
      int options = message.open(TrafficNumbers.TCA_OPTIONS);
      byte[] init = new byte[TrafficNumbers.HTB_GLOB];
      Wire.order(init)
          .putInt(0, TrafficNumbers.TC_HTB_PROTOVER)
          .putInt(4, htb.rateToQuantum())
          .putInt(8, htb.defaultClass());
      message.octets(TrafficNumbers.TCA_HTB_INIT, init);
      message.close(options);
    } else if (kind instanceof QdiscKind.Fifo fifo) {
      message.number(TrafficNumbers.TCA_OPTIONS, (int) fifo.limit());
    } else if (kind instanceof QdiscKind.Netem netem) {
      byte[] options = new byte[TrafficNumbers.NETEM_QOPT];
      Wire.order(options)
          .putInt(0, SchedulerTicks.of(netem.delay()))
          .putInt(4, netem.limitPackets())
          .putInt(8, (int) Math.round(netem.lossPerMillion() / 1e6 * ALWAYS))
          .putInt(20, SchedulerTicks.of(netem.jitter()));
      message.octets(TrafficNumbers.TCA_OPTIONS, options);
    } else if (kind instanceof QdiscKind.Other other && !other.data().isEmpty()) {
      message.octets(TrafficNumbers.TCA_OPTIONS, other.octets());
    }
  }

  private static void write(MessageWriter message, QdiscKind.Tbf tbf) {
    long rate = tbf.bitsPerSecond() / Byte.SIZE;
    byte[] parameters = new byte[TrafficNumbers.TBF_QOPT];
    ByteBuffer structure = Wire.order(parameters);
    rate(structure, 0, rate);
    structure
        .putInt(2 * TrafficNumbers.RATESPEC, (int) tbf.limitBytes())
        .putInt(
            2 * TrafficNumbers.RATESPEC + Integer.BYTES, SchedulerTicks.of(rate, tbf.burstBytes()));
    tbf.peak().ifPresent(peak -> {
      long peakRate = peak.bitsPerSecond() / Byte.SIZE;
      rate(structure, TrafficNumbers.RATESPEC, peakRate);
      structure.putInt(
          2 * TrafficNumbers.RATESPEC + 2 * Integer.BYTES,
          SchedulerTicks.of(peakRate, peak.mtuBytes()));
    });
    message.octets(TrafficNumbers.TCA_TBF_PARMS, parameters);
    message.number(TrafficNumbers.TCA_TBF_BURST, (int) tbf.burstBytes());
    longRate(message, TrafficNumbers.TCA_TBF_RATE64, rate);
    tbf.peak().ifPresent(peak -> {
      message.number(TrafficNumbers.TCA_TBF_PBURST, (int) peak.mtuBytes());
      longRate(message, TrafficNumbers.TCA_TBF_PRATE64, peak.bitsPerSecond() / Byte.SIZE);
    });
  }

  static void write(MessageWriter message, TrafficClassKind kind) {
    message.text(TrafficNumbers.TCA_KIND, kind.kernelName());
    if (kind instanceof TrafficClassKind.Htb htb) {
      long rate = htb.bitsPerSecond() / Byte.SIZE;
      long ceiling = htb.ceilingBitsPerSecond() / Byte.SIZE;
      byte[] parameters = new byte[TrafficNumbers.HTB_OPT];
      ByteBuffer structure = Wire.order(parameters);
      rate(structure, 0, rate);
      rate(structure, TrafficNumbers.RATESPEC, ceiling);
      structure.position(2 * TrafficNumbers.RATESPEC);
      structure
          .putInt(SchedulerTicks.of(rate, htb.burstBytes()))
          .putInt(SchedulerTicks.of(ceiling, htb.ceilingBurstBytes()))
          .putInt(htb.quantumBytes())
          .putInt(0) // the level, which only the kernel knows
          .putInt(htb.priority());
      int options = message.open(TrafficNumbers.TCA_OPTIONS);
      message.octets(TrafficNumbers.TCA_HTB_PARMS, parameters);
      longRate(message, TrafficNumbers.TCA_HTB_RATE64, rate);
      longRate(message, TrafficNumbers.TCA_HTB_CEIL64, ceiling);
      message.close(options);
    } else if (kind instanceof TrafficClassKind.Other other && !other.data().isEmpty()) {
      message.octets(TrafficNumbers.TCA_OPTIONS, other.octets());
    }
  }

  static void write(MessageWriter message, FilterKind kind) {
    message.text(TrafficNumbers.TCA_KIND, kind.kernelName());
    if (kind instanceof FilterKind.U32 u32) {
      int options = message.open(TrafficNumbers.TCA_OPTIONS);
      u32.target()
          .ifPresent(target -> message.number(TrafficNumbers.TCA_U32_CLASSID, target.wire()));
      write(message, TrafficNumbers.TCA_U32_ACT, u32.actions());
      message.octets(TrafficNumbers.TCA_U32_SEL, selector(u32.matches()));
      message.close(options);
    } else if (kind instanceof FilterKind.MatchAll all) {
      int options = message.open(TrafficNumbers.TCA_OPTIONS);
      all.target()
          .ifPresent(target -> message.number(TrafficNumbers.TCA_MATCHALL_CLASSID, target.wire()));
      write(message, TrafficNumbers.TCA_MATCHALL_ACT, all.actions());
      message.close(options);
    } else if (kind instanceof FilterKind.Other other && !other.data().isEmpty()) {
      message.octets(TrafficNumbers.TCA_OPTIONS, other.octets());
    }
  }

  private static byte[] selector(List<FilterKind.U32.Match> matches) {
    // One that looks at no bit matches everything.
    int keys = Math.max(1, matches.size());
    byte[] selector = new byte[TrafficNumbers.U32_SEL + keys * TrafficNumbers.U32_KEY];
    ByteBuffer structure = Wire.order(selector);
    structure.put(0, (byte) TrafficNumbers.TC_U32_TERMINAL).put(2, (byte) keys);
    structure.position(TrafficNumbers.U32_SEL);
    for (FilterKind.U32.Match match : matches) {
      structure
          .putInt(MessageWriter.toNetwork(match.mask()))
          .putInt(MessageWriter.toNetwork(match.value()))
          .putInt(match.offset())
          .putInt(0);
    }
    return selector;
  }

  private static void write(MessageWriter message, int type, List<FilterAction> actions) {
    if (actions.isEmpty()) {
      return;
    }
    int list = message.open(type);
    for (int i = 0; i < actions.size(); i++) {
      int action = message.open(i + 1);
      write(message, actions.get(i));
      message.close(action);
    }
    message.close(list);
  }

  private static void write(MessageWriter message, FilterAction action) {
    message.text(TrafficNumbers.TCA_ACT_KIND, action.kernelName());
    int options = message.open(TrafficNumbers.TCA_ACT_OPTIONS);
    if (action instanceof FilterAction.Mirred mirred) {
      byte[] parameters = new byte[TrafficNumbers.MIRRED];
      boolean redirect = mirred.what() == FilterAction.Mirred.Transfer.REDIRECT;
      Wire.order(parameters)
          .putInt(
              TrafficNumbers.ACTION_VERDICT,
              (redirect ? FilterAction.Verdict.STOLEN : FilterAction.Verdict.PIPE).number())
          .putInt(TrafficNumbers.MIRRED_EACTION, eaction(mirred))
          .putInt(TrafficNumbers.MIRRED_IFINDEX, mirred.link());
      message.octets(TrafficNumbers.TCA_MIRRED_PARMS, parameters);
    } else if (action instanceof FilterAction.Generic generic) {
      byte[] parameters = new byte[TrafficNumbers.GACT];
      Wire.order(parameters)
          .putInt(TrafficNumbers.ACTION_VERDICT, generic.verdict().number());
      message.octets(TrafficNumbers.TCA_GACT_PARMS, parameters);
    } else if (action instanceof FilterAction.Police police) {
      write(message, police);
    } else if (action instanceof FilterAction.Other other) {
      message.raw(other.octets());
    }
    message.close(options);
  }

  /** TCA_EGRESS_REDIR and its like, linux/tc_act/tc_mirred.h. */
  static int eaction(FilterAction.Mirred mirred) {
    return 1
        + (mirred.what() == FilterAction.Mirred.Transfer.MIRROR ? 1 : 0)
        + (mirred.where() == FilterAction.Mirred.Side.INGRESS ? 2 : 0);
  }

  private static void write(MessageWriter message, FilterAction.Police police) {
    long rate = police.bitsPerSecond() / Byte.SIZE;
    byte[] parameters = new byte[TrafficNumbers.POLICE];
    ByteBuffer structure = Wire.order(parameters);
    structure
        .putInt(TrafficNumbers.POLICE_EXCEED, police.exceeding().number())
        .putInt(TrafficNumbers.POLICE_BURST, SchedulerTicks.of(rate, police.burstBytes()))
        .putInt(TrafficNumbers.POLICE_MTU, (int) police.mtuBytes());
    rate(structure, TrafficNumbers.POLICE_RATE, rate);
    message.octets(TrafficNumbers.TCA_POLICE_TBF, parameters);
    // The kernel wants a table of how long packets take, of the days when it could not multiply.
    byte[] table = new byte[TrafficNumbers.RTAB_ENTRIES * Integer.BYTES];
    ByteBuffer times = Wire.order(table);
    for (int i = 1; i <= TrafficNumbers.RTAB_ENTRIES; i++) {
      times.putInt(SchedulerTicks.of(rate, (long) i << CELL_LOG));
    }
    message.octets(TrafficNumbers.TCA_POLICE_RATE, table);
    message.number(TrafficNumbers.TCA_POLICE_RESULT, police.conforming().number());
    longRate(message, TrafficNumbers.TCA_POLICE_RATE64, rate);
  }

  /** Writes struct tc_ratespec. */
  private static void rate(ByteBuffer structure, int offset, long bytesPerSecond) {
    structure
        .put(offset, (byte) CELL_LOG)
        .put(offset + 1, (byte) TrafficNumbers.TC_LINKLAYER_ETHERNET)
        .putShort(offset + 4, (short) -1) // cell_align
        .putInt(offset + TrafficNumbers.RATESPEC_RATE, (int) Math.min(RATE32, bytesPerSecond));
  }

  /** Writes what does not fit into struct tc_ratespec. */
  private static void longRate(MessageWriter message, int type, long bytesPerSecond) {
    if (bytesPerSecond >= RATE32) {
      message.longNumber(type, bytesPerSecond);
    }
  }
}
