package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Bucket sizes as the packet scheduler keeps them: as the time that the bytes take at the rate, in
 * ticks. A tick has been 64 ns for long, but only /proc/net/psched promises it.
 */
final class SchedulerTicks {
  private static final long NANOS_PER_SECOND = 1_000_000_000;
  private static final long MOST = 0xffffffffL;
  private static final long USUAL = 64; // 1 << PSCHED_SHIFT, net/pkt_sched.h
  private static final long NANOS = nanos(Path.of("/proc/net/psched"));

  private SchedulerTicks() {}

  /** Reads the first two of four hexadecimal numbers, whose quotient is the number of ticks in 1 us. */
  static long nanos(Path psched) {
    try {
      String[] numbers = Files.readString(psched).trim().split("\\s+", -1);
      long nanosPerMicro = Long.parseLong(numbers[0], 16);
      long nanosPerTick = Long.parseLong(numbers[1], 16);
      return nanosPerMicro == 1000 && nanosPerTick > 0 ? nanosPerTick : USUAL;
    } catch (IOException | NumberFormatException e) {
      return USUAL; // no /proc here
    }
  }

  /** Makes time of bytes, rounded down, at most what 32 bits hold. */
  static int of(long bytesPerSecond, long bytes) {
    return (int) Math.min(MOST, bytes * NANOS_PER_SECOND / bytesPerSecond / NANOS);
  }

  /** Makes ticks of a time that is checked, rounded down. */
  static int of(Duration time) {
    return (int) Math.min(MOST, time.toNanos() / NANOS);
  }

  /**
   * Makes bytes of time that was rounded down: exactly those that were meant, up to some 120 Mbit/s; at
   * higher rates up to one tick's worth less.
   */
  static long bytes(long bytesPerSecond, int ticks) {
    long nanos = Integer.toUnsignedLong(ticks) * NANOS;
    if (nanos > 0 && bytesPerSecond > (Long.MAX_VALUE - NANOS_PER_SECOND) / nanos) {
      return MOST;
    }
    return Math.min(MOST, (nanos * bytesPerSecond + NANOS_PER_SECOND - 1) / NANOS_PER_SECOND);
  }

  static Duration time(int ticks) {
    return Duration.ofNanos(Integer.toUnsignedLong(ticks) * NANOS);
  }

  /** Tells whether two sizes of a bucket are one for the kernel, whose own rounding takes a tick. */
  static boolean same(long bytesPerSecond, long bytes, long others) {
    long ticks = Integer.toUnsignedLong(of(bytesPerSecond, bytes));
    return Math.abs(ticks - Integer.toUnsignedLong(of(bytesPerSecond, others))) <= 1;
  }

  /** Checks a rate: what the kernel counts in are whole bytes. */
  static void requireRate(String field, long bitsPerSecond) {
    Rules.range(field, bitsPerSecond, Byte.SIZE, Long.MAX_VALUE);
  }

  /** Checks the size of a bucket, which the kernel keeps as a time. */
  static void requireBurst(String field, long bitsPerSecond, long bytes) {
    long most = bytes(bitsPerSecond / Byte.SIZE, (int) MOST);
    if (bytes < 1 || bytes > most) {
      throw N0Exception.invalid(
          field,
          bytes,
          "must be 1 to " + most + ", what goes in " + MOST * NANOS / NANOS_PER_SECOND + " s at "
              + bitsPerSecond + " bit/s");
    }
  }

  /** Checks a size that the kernel keeps in 32 bits. */
  static void requireSize(String field, long bytes) {
    Rules.range(field, bytes, 1, MOST);
  }
}
