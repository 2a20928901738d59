package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.Optional;

/**
 * How much a guest may ask of one disk. What is empty is not limited; a total excludes limits of its parts.
 *
 * @param bytesPerSecond bytes read and written per second, 4096 to 10^15
 * @param readBytesPerSecond bytes read per second, 4096 to 10^15
 * @param writtenBytesPerSecond bytes written per second, 4096 to 10^15
 * @param requestsPerSecond reads and writes per second, 1 to 10^15
 * @param readsPerSecond reads per second, 1 to 10^15
 * @param writesPerSecond writes per second, 1 to 10^15
 * @since 0.1
 */
public record DiskLimits(
    Optional<Long> bytesPerSecond,
    Optional<Long> readBytesPerSecond,
    Optional<Long> writtenBytesPerSecond,
    Optional<Long> requestsPerSecond,
    Optional<Long> readsPerSecond,
    Optional<Long> writesPerSecond) {
  private static final long LEAST_BYTES = 4096;
  private static final long MOST = 1_000_000_000_000_000L; // THROTTLE_VALUE_MAX, qemu/throttle.h

  /** Checks the numbers. */
  public DiskLimits {
    bytesPerSecond.ifPresent(n -> Rules.range("disk.limits.bytesPerSecond", n, LEAST_BYTES, MOST));
    readBytesPerSecond.ifPresent(
        n -> Rules.range("disk.limits.readBytesPerSecond", n, LEAST_BYTES, MOST));
    writtenBytesPerSecond.ifPresent(
        n -> Rules.range("disk.limits.writtenBytesPerSecond", n, LEAST_BYTES, MOST));
    requestsPerSecond.ifPresent(n -> Rules.range("disk.limits.requestsPerSecond", n, 1, MOST));
    readsPerSecond.ifPresent(n -> Rules.range("disk.limits.readsPerSecond", n, 1, MOST));
    writesPerSecond.ifPresent(n -> Rules.range("disk.limits.writesPerSecond", n, 1, MOST));
    if (bytesPerSecond.isPresent()
        && (readBytesPerSecond.isPresent() || writtenBytesPerSecond.isPresent())) {
      throw N0Exception.invalid(
          "disk.limits.bytesPerSecond",
          bytesPerSecond.get(),
          "must be absent beside readBytesPerSecond and writtenBytesPerSecond");
    }
    if (requestsPerSecond.isPresent()
        && (readsPerSecond.isPresent() || writesPerSecond.isPresent())) {
      throw N0Exception.invalid(
          "disk.limits.requestsPerSecond",
          requestsPerSecond.get(),
          "must be absent beside readsPerSecond and writesPerSecond");
    }
  }

  /**
   * Returns limits that limit nothing.
   *
   * @return what the {@code with} methods add to
   */
  public static DiskLimits none() {
    return new DiskLimits(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /**
   * Limits the bytes that are read and written, together.
   *
   * @param perSecond how many
   * @return a changed copy
   */
  public DiskLimits withBytes(long perSecond) {
    return new DiskLimits(
        Optional.of(perSecond),
        readBytesPerSecond,
        writtenBytesPerSecond,
        requestsPerSecond,
        readsPerSecond,
        writesPerSecond);
  }

  /**
   * Limits the bytes that are read and those that are written, each by itself.
   *
   * @param readPerSecond how many may be read
   * @param writtenPerSecond how many may be written
   * @return a changed copy
   */
  public DiskLimits withBytes(long readPerSecond, long writtenPerSecond) {
    return new DiskLimits(
        bytesPerSecond,
        Optional.of(readPerSecond),
        Optional.of(writtenPerSecond),
        requestsPerSecond,
        readsPerSecond,
        writesPerSecond);
  }

  /**
   * Limits the requests, reads and writes together.
   *
   * @param perSecond how many
   * @return a changed copy
   */
  public DiskLimits withRequests(long perSecond) {
    return new DiskLimits(
        bytesPerSecond,
        readBytesPerSecond,
        writtenBytesPerSecond,
        Optional.of(perSecond),
        readsPerSecond,
        writesPerSecond);
  }

  /**
   * Limits the reads and the writes, each by itself.
   *
   * @param reads how many reads per second
   * @param writes how many writes per second
   * @return a changed copy
   */
  public DiskLimits withRequests(long reads, long writes) {
    return new DiskLimits(
        bytesPerSecond,
        readBytesPerSecond,
        writtenBytesPerSecond,
        requestsPerSecond,
        Optional.of(reads),
        Optional.of(writes));
  }
}
