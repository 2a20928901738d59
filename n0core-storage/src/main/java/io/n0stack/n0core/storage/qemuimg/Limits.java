package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.OptionalLong;

/**
 * What the kernel lets one run have; see setrlimit(2).
 *
 * @param addressSpaceBytes memory that it may map, 128 MiB to 1 TiB
 * @param cpuTime time on a processor, 1 s to 365 days; then the kernel kills it
 * @param fileBytes the largest file that it may make, if there is a limit; 512 bytes or more
 * @since 0.1
 */
public record Limits(long addressSpaceBytes, Duration cpuTime, OptionalLong fileBytes) {
  private static final long GIB = 1L << 30;
  private static final long LONGEST_SECONDS = Duration.ofDays(365).toSeconds();

  /**
   * Checks the limits.
   *
   * @throws io.n0stack.n0core.api.N0Exception INVALID if one is out of range
   */
  public Limits {
    Rules.range("addressSpaceBytes", addressSpaceBytes, 128 << 20, 1024 * GIB);
    Rules.range("cpuTimeSeconds", cpuTime.toSeconds(), 1, LONGEST_SECONDS);
    fileBytes.ifPresent(bytes -> Rules.range("fileBytes", bytes, 512, Long.MAX_VALUE));
  }

  /**
   * Returns the limits for images that are trusted.
   *
   * @return 4 GiB and a day
   */
  public static Limits standard() {
    return new Limits(4 * GIB, Duration.ofDays(1), OptionalLong.empty());
  }

  /**
   * Returns the limits for images of strangers.
   *
   * @return 1 GiB and an hour
   */
  public static Limits foreign() {
    return new Limits(GIB, Duration.ofHours(1), OptionalLong.empty());
  }

  /**
   * Limits the size of files.
   *
   * @param bytes the largest file that it may make
   * @return the same limits with that one
   */
  public Limits withFileBytes(long bytes) {
    return new Limits(addressSpaceBytes, cpuTime, OptionalLong.of(bytes));
  }
}
