package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What a queueing discipline is, with what is particular to it. See tc(8) and {@code
 * linux/pkt_sched.h}.
 *
 * <p>Rates are in bits per second, of which the kernel keeps whole bytes: the last three bits read as
 * 0. Sizes of buckets are kept as times, in steps of 64 ns and up to 274 s at the rate: at more than
 * 120 Mbit/s they can read a few bytes smaller than they were set.
 *
 * @since 0.1
 */
public sealed interface QdiscKind {
  /**
   * Returns the kernel's word for it.
   *
   * @return such as {@code tbf}
   */
  String kernelName();

  /**
   * A token bucket that keeps what comes too fast until it may go, and drops what finds no room. See
   * tc-tbf(8).
   *
   * @param bitsPerSecond sustained rate, 8 or more
   * @param burstBytes what may go at once, 1 to 4294967295; packets that are longer, the Ethernet
   *     header included, are dropped
   * @param limitBytes what may wait, 1 to 4294967295
   * @param peak how fast the burst goes; empty for as fast as the link
   */
  record Tbf(long bitsPerSecond, long burstBytes, long limitBytes, Optional<Peak> peak)
      implements QdiscKind {
    /** Checks the numbers. */
    public Tbf {
      SchedulerTicks.requireRate("bitsPerSecond", bitsPerSecond);
      SchedulerTicks.requireBurst("burstBytes", bitsPerSecond, burstBytes);
      SchedulerTicks.requireSize("limitBytes", limitBytes);
      if (peak.isPresent() && peak.get().bitsPerSecond() / 8 <= bitsPerSecond / 8) {
        throw N0Exception.invalid(
            "peak", peak.get().bitsPerSecond(), "must be more than the rate " + bitsPerSecond);
      }
    }

    /**
     * How fast a burst goes.
     *
     * @param bitsPerSecond the rate, 8 or more
     * @param mtuBytes the longest packet, the Ethernet header included, 1 to 4294967295
     */
    public record Peak(long bitsPerSecond, long mtuBytes) {
      /** Checks the numbers. */
      public Peak {
        SchedulerTicks.requireRate("peak bitsPerSecond", bitsPerSecond);
        SchedulerTicks.requireBurst("mtuBytes", bitsPerSecond, mtuBytes);
      }
    }

    /**
     * Lets packets wait no longer than a time.
     *
     * @param bitsPerSecond sustained rate, 8 or more
     * @param burstBytes what may go at once, 1 to 4294967295
     * @param latency how long a packet may wait, at most an hour
     * @return the bucket
     */
    public static Tbf of(long bitsPerSecond, long burstBytes, Duration latency) {
      Rules.range("latency in ns", latency.toNanos(), 0, Duration.ofHours(1).toNanos());
      double waiting = bitsPerSecond / 8.0 * latency.toNanos() / 1e9;
      long limit = (long) Math.min(0xffffffffL, burstBytes + waiting);
      return new Tbf(bitsPerSecond, burstBytes, limit, Optional.empty());
    }

    /**
     * Lets a burst go no faster than a rate.
     *
     * @param peakBitsPerSecond more than the sustained rate
     * @param mtuBytes the longest packet, the Ethernet header included
     * @return a changed copy
     */
    public Tbf withPeak(long peakBitsPerSecond, long mtuBytes) {
      return new Tbf(
          bitsPerSecond,
          burstBytes,
          limitBytes,
          Optional.of(new Peak(peakBitsPerSecond, mtuBytes)));
    }

    @Override
    public String kernelName() {
      return "tbf";
    }
  }

  /**
   * A hierarchy of token buckets, which are its classes. See tc-htb(8).
   *
   * @param defaultClass minor number of the class of what no filter classifies, 0 to 65535; 0 for none:
   *     it goes at once
   * @param rateToQuantum what a class's rate, in bytes, is divided by to get its quantum, 1 to
   *     2147483647
   */
  record Htb(int defaultClass, int rateToQuantum) implements QdiscKind {
    /** Checks the numbers. */
    public Htb {
      Rules.range("defaultClass", defaultClass, 0, 0xffff);
      Rules.range("rateToQuantum", rateToQuantum, 1, Integer.MAX_VALUE);
    }

    /**
     * Makes one with the usual quantum.
     *
     * @param defaultClass minor number of the class of what no filter classifies, 0 for none
     * @return as {@code tc} makes it
     */
    public static Htb of(int defaultClass) {
      return new Htb(defaultClass, 10);
    }

    @Override
    public String kernelName() {
      return "htb";
    }
  }

  /**
   * A queue. See tc-pfifo(8) and tc-bfifo(8).
   *
   * @param unit what it counts
   * @param limit how much may wait, 0 to 4294967295
   */
  record Fifo(Unit unit, long limit) implements QdiscKind {
    /** Checks the number. */
    public Fifo {
      Rules.range("limit", limit, 0, 0xffffffffL);
    }

    /** What a queue counts. */
    public enum Unit {
      /** Packets: {@code pfifo}. */
      PACKETS,
      /** Bytes: {@code bfifo}. */
      BYTES
    }

    @Override
    public String kernelName() {
      return unit == Unit.PACKETS ? "pfifo" : "bfifo";
    }
  }

  /** Three queues by priority, which many links have from the beginning. See tc-pfifo_fast(8). */
  record PfifoFast() implements QdiscKind {
    @Override
    public String kernelName() {
      return "pfifo_fast";
    }
  }

  /** Queues nothing; carries filters that see what a link receives. */
  record Ingress() implements QdiscKind {
    @Override
    public String kernelName() {
      return "ingress";
    }
  }

  /** Queues nothing; carries filters that see what a link receives, and others for what it sends. */
  record Clsact() implements QdiscKind {
    @Override
    public String kernelName() {
      return "clsact";
    }
  }

  /**
   * A bad network, for tests. See tc-netem(8).
   *
   * @param delay how long each packet waits, in steps of 64 ns, up to 274 s
   * @param jitter by how much that varies, in steps of 64 ns, up to 274 s
   * @param lossPerMillion how many of a million packets are lost, 0 to 1000000
   * @param limitPackets how many may wait, 1 to 2147483647
   */
  record Netem(Duration delay, Duration jitter, int lossPerMillion, int limitPackets)
      implements QdiscKind {
    private static final Duration LONGEST = Duration.ofSeconds(274);

    /** Checks the numbers. */
    public Netem {
      Rules.range("delay in ns", delay.toNanos(), 0, LONGEST.toNanos());
      Rules.range("jitter in ns", jitter.toNanos(), 0, LONGEST.toNanos());
      Rules.range("lossPerMillion", lossPerMillion, 0, 1_000_000);
      Rules.range("limitPackets", limitPackets, 1, Integer.MAX_VALUE);
    }

    @Override
    public String kernelName() {
      return "netem";
    }
  }

  /**
   * Any other kind.
   *
   * @param kernelName the kernel's word for it, 1 to 15 bytes
   * @param data what is in TCA_OPTIONS as the kernel writes it, in hexadecimal digits
   */
  record Other(String kernelName, String data) implements QdiscKind {
    /** Checks both. */
    public Other {
      TrafficNames.requireOther(kernelName, data);
    }

    byte[] octets() {
      return HexFormat.of().parseHex(data);
    }
  }
}
