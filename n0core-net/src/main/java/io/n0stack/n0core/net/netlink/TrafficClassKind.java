package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.HexFormat;

/**
 * What a class of a queueing discipline is. Rates and sizes are as in {@link QdiscKind}.
 *
 * @since 0.1
 */
public sealed interface TrafficClassKind {
  /**
   * Returns the kernel's word for it.
   *
   * @return such as {@code htb}
   */
  String kernelName();

  /**
   * A class of {@link QdiscKind.Htb}. See tc-htb(8).
   *
   * @param bitsPerSecond what it gets in any case, 8 or more
   * @param ceilingBitsPerSecond what it gets if others leave it, not less than the rate
   * @param burstBytes what may go at once at the link's speed, 1 to 4294967295
   * @param ceilingBurstBytes what may go at once in spite of the ceiling, 1 to 4294967295
   * @param priority who is asked first for what others leave, 0 to 7, the least first
   * @param quantumBytes what goes before it is another class's turn; 0 for what its rate yields
   */
  record Htb(
      long bitsPerSecond,
      long ceilingBitsPerSecond,
      long burstBytes,
      long ceilingBurstBytes,
      int priority,
      int quantumBytes)
      implements TrafficClassKind {
    /** Checks the numbers. */
    public Htb {
      SchedulerTicks.requireRate("bitsPerSecond", bitsPerSecond);
      SchedulerTicks.requireRate("ceilingBitsPerSecond", ceilingBitsPerSecond);
      SchedulerTicks.requireBurst("burstBytes", bitsPerSecond, burstBytes);
      SchedulerTicks.requireBurst("ceilingBurstBytes", ceilingBitsPerSecond, ceilingBurstBytes);
      Rules.range("priority", priority, 0, 7);
      Rules.range("quantumBytes", quantumBytes, 0, Integer.MAX_VALUE);
      if (ceilingBitsPerSecond < bitsPerSecond) {
        throw N0Exception.invalid(
            "ceilingBitsPerSecond",
            ceilingBitsPerSecond,
            "must not be less than the rate " + bitsPerSecond);
      }
    }

    /**
     * Makes a class that borrows nothing.
     *
     * @param bitsPerSecond what it gets, 8 or more
     * @param burstBytes what may go at once, 1 to 4294967295
     * @return the class
     */
    public static Htb of(long bitsPerSecond, long burstBytes) {
      return new Htb(bitsPerSecond, bitsPerSecond, burstBytes, burstBytes, 0, 0);
    }

    /**
     * Lets it borrow what others leave.
     *
     * @param bits per second, not less than the rate
     * @param bytes what may go at once in spite of the ceiling
     * @return a changed copy
     */
    public Htb withCeiling(long bits, long bytes) {
      return new Htb(bitsPerSecond, bits, burstBytes, bytes, priority, quantumBytes);
    }

    /**
     * Sets who is asked first for what others leave.
     *
     * @param number 0 to 7, the least first
     * @return a changed copy
     */
    public Htb withPriority(int number) {
      return new Htb(
          bitsPerSecond, ceilingBitsPerSecond, burstBytes, ceilingBurstBytes, number, quantumBytes);
    }

    /**
     * Sets what goes before it is another class's turn.
     *
     * @param bytes at least the MTU
     * @return a changed copy
     */
    public Htb withQuantum(int bytes) {
      return new Htb(
          bitsPerSecond, ceilingBitsPerSecond, burstBytes, ceilingBurstBytes, priority, bytes);
    }

    @Override
    public String kernelName() {
      return "htb";
    }
  }

  /**
   * Any other kind.
   *
   * @param kernelName the kernel's word for it, 1 to 15 bytes
   * @param data what is in TCA_OPTIONS as the kernel writes it, in hexadecimal digits
   */
  record Other(String kernelName, String data) implements TrafficClassKind {
    /** Checks both. */
    public Other {
      TrafficNames.requireOther(kernelName, data);
    }

    byte[] octets() {
      return HexFormat.of().parseHex(data);
    }
  }
}
