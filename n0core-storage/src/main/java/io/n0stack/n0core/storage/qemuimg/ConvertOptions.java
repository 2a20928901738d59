package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.Set;

/**
 * How an image is copied.
 *
 * @param snapshot the internal snapshot of the source to copy instead of what a guest sees now
 * @param extras what is done besides
 * @param sparseBytes zeros of this length become a hole, a multiple of 512 up to 1 GiB; 0 makes no hole
 *     and allocates all
 * @param cache when the target is durable
 * @since 0.1
 */
public record ConvertOptions(
    Optional<String> snapshot, Set<Extra> extras, long sparseBytes, Cache cache) {
  private static final long MOST_SPARSE = 1L << 30;

  /** What is done besides. */
  public enum Extra {
    /** Compresses the target, which must be qcow2. */
    COMPRESS,
    /** Copies the persistent bitmaps from qcow2 to qcow2. */
    BITMAPS
  }

  /** When the target is durable. */
  public enum Cache {
    /** When the call returns: flushed at its end. The entry in the directory is the caller's. */
    WRITEBACK("writeback"),
    /** When the call returns: bypasses the page cache, if the file system can (O_DIRECT). */
    NONE("none"),
    /** Never, until the caller has synchronized it. */
    UNSAFE("unsafe");

    final String mode;

    Cache(String mode) {
      this.mode = mode;
    }
  }

  /**
   * Checks name and size.
   *
   * @throws N0Exception INVALID if the snapshot's name cannot be one, or the size is out of range
   */
  public ConvertOptions {
    snapshot.ifPresent(name -> Names.snapshot("snapshot", name));
    extras = Set.copyOf(extras);
    if (sparseBytes < 0 || sparseBytes > MOST_SPARSE || sparseBytes % 512 != 0) {
      throw N0Exception.invalid(
          "sparseBytes", sparseBytes, "must be 0 to 1 GiB and a multiple of 512");
    }
  }

  /**
   * Copies what a guest sees now, with holes for zeros of 4 KiB, durable at the end.
   *
   * @return the options
   */
  public static ConvertOptions standard() {
    return new ConvertOptions(Optional.empty(), Set.of(), 4096, Cache.WRITEBACK);
  }

  /**
   * Copies a snapshot.
   *
   * @param name its name
   * @return the changed options
   */
  public ConvertOptions withSnapshot(String name) {
    return new ConvertOptions(Optional.of(name), extras, sparseBytes, cache);
  }

  /**
   * Sets what is done besides.
   *
   * @param all all of it
   * @return the changed options
   */
  public ConvertOptions withExtras(Set<Extra> all) {
    return new ConvertOptions(snapshot, all, sparseBytes, cache);
  }

  /**
   * Sets what becomes a hole.
   *
   * @param bytes the length of zeros that does
   * @return the changed options
   */
  public ConvertOptions withSparseBytes(long bytes) {
    return new ConvertOptions(snapshot, extras, bytes, cache);
  }

  /**
   * Sets when the target is durable.
   *
   * @param mode when it is
   * @return the changed options
   */
  public ConvertOptions withCache(Cache mode) {
    return new ConvertOptions(snapshot, extras, sparseBytes, mode);
  }
}
