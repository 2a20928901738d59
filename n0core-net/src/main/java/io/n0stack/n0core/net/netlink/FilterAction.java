package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What a filter does with a packet that it matches. See tc-actions(8).
 *
 * @since 0.1
 */
public sealed interface FilterAction {
  /**
   * Returns the kernel's word for it.
   *
   * @return such as {@code mirred}
   */
  String kernelName();

  /**
   * Hands the packet, or a copy of it, to a link. See tc-mirred(8).
   *
   * @param what whether the packet goes
   * @param where whether the link sends or receives it
   * @param link index of the link, which drops packets while it is down; 0, only when it is read, for
   *     one that is gone, in whose place packets are dropped
   */
  record Mirred(Transfer what, Side where, int link) implements FilterAction {
    /** Checks the index. */
    public Mirred {
      Rules.range("link", link, 0, Integer.MAX_VALUE);
    }

    /** Whether a packet goes. */
    public enum Transfer {
      /** It goes to the link, and no action after this one sees it. */
      REDIRECT,
      /** A copy goes to the link, and the next action has the packet. */
      MIRROR
    }

    /** What a link does with a packet that it is handed. */
    public enum Side {
      /** It sends it. */
      EGRESS,
      /** It receives it. */
      INGRESS
    }

    /**
     * Lets a link send the packets.
     *
     * @param link index of the link
     * @return as {@code tc} makes of {@code mirred egress redirect}
     */
    public static Mirred redirect(int link) {
      return new Mirred(Transfer.REDIRECT, Side.EGRESS, link);
    }

    /**
     * Lets a link send copies of the packets.
     *
     * @param link index of the link
     * @return as {@code tc} makes of {@code mirred egress mirror}
     */
    public static Mirred mirror(int link) {
      return new Mirred(Transfer.MIRROR, Side.EGRESS, link);
    }

    @Override
    public String kernelName() {
      return "mirred";
    }
  }

  /**
   * A token bucket in which nothing waits. See tc-police(8). Rates and sizes are as in {@link
   * QdiscKind}.
   *
   * @param bitsPerSecond sustained rate, 8 or more
   * @param burstBytes what may go at once, 1 to 4294967295; longer packets always exceed, and a guest
   *     that sends large segments sends packets of up to 64 KiB
   * @param mtuBytes longer packets always exceed, 1 to 4294967295
   * @param conforming what becomes of a packet within the rate
   * @param exceeding what becomes of any other
   */
  record Police(
      long bitsPerSecond, long burstBytes, long mtuBytes, Verdict conforming, Verdict exceeding)
      implements FilterAction {
    private static final long NO_MTU = 0xffffffffL;

    /** Checks the numbers. */
    public Police {
      SchedulerTicks.requireRate("bitsPerSecond", bitsPerSecond);
      SchedulerTicks.requireBurst("burstBytes", bitsPerSecond, burstBytes);
      SchedulerTicks.requireSize("mtuBytes", mtuBytes);
    }

    /**
     * Drops what comes too fast, and lets the next action have the rest.
     *
     * @param bitsPerSecond sustained rate, 8 or more
     * @param burstBytes what may go at once, 1 to 4294967295
     * @return one whose packets may be as long as the burst
     */
    public static Police drop(long bitsPerSecond, long burstBytes) {
      return new Police(bitsPerSecond, burstBytes, NO_MTU, Verdict.PIPE, Verdict.DROP);
    }

    @Override
    public String kernelName() {
      return "police";
    }
  }

  /**
   * Decides.
   *
   * @param verdict what becomes of the packet
   */
  record Generic(Verdict verdict) implements FilterAction {
    @Override
    public String kernelName() {
      return "gact";
    }
  }

  /**
   * Any other action.
   *
   * @param kernelName the kernel's word for it, 1 to 15 bytes
   * @param data what is in TCA_ACT_OPTIONS as the kernel writes it, in hexadecimal digits
   */
  record Other(String kernelName, String data) implements FilterAction {
    /** Checks both. */
    public Other {
      TrafficNames.requireOther(kernelName, data);
    }

    byte[] octets() {
      return HexFormat.of().parseHex(data);
    }
  }

  /** What becomes of a packet, {@code TC_ACT_*}. */
  enum Verdict {
    /** The next filter has it. */
    CONTINUE(-1),
    /** It goes on, into the class of the filter if there is one. */
    OK(0),
    /** The first filter has it again. */
    RECLASSIFY(1),
    /** It is dropped. */
    DROP(2),
    /** The next action has it. */
    PIPE(3),
    /** It is gone, as if it had been sent. */
    STOLEN(4);

    private final int number;

    Verdict(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<Verdict> of(int number) {
      for (Verdict verdict : values()) {
        if (verdict.number == number) {
          return Optional.of(verdict);
        }
      }
      return Optional.empty();
    }
  }
}
