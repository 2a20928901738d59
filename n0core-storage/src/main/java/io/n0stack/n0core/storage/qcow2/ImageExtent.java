package io.n0stack.n0core.storage.qcow2;

import java.util.OptionalLong;

/**
 * A part of a disk that is stored in one way.
 *
 * @param start where it begins, as the guest sees it
 * @param length how long it is
 * @param depth the layer that decides: 0 for the image itself, 1 for its backing file
 * @param kind how it is stored
 * @param hostOffset where it is in the file of that layer, or in the layer's external data file; empty
 *     if it is not there as the guest sees it
 * @since 0.1
 */
public record ImageExtent(long start, long length, int depth, Kind kind, OptionalLong hostOffset) {

  /**
   * How a part of a disk is stored.
   *
   * @since 0.1
   */
  public enum Kind {
    /** Stored as it is, or encrypted. */
    DATA,
    /** Allocated in the image, but a hole in its file, such as preallocated clusters: zeros. */
    SPARSE_DATA,
    /** Stored compressed. */
    COMPRESSED,
    /** Known to be zeros. */
    ZERO,
    /** Not stored: what lies beneath, or zeros if nothing does. */
    UNALLOCATED
  }

  /**
   * Tells whether the layer itself has it. This is {@code present} of {@code qemu-img map}.
   *
   * @return false if it is unallocated
   */
  public boolean isPresent() {
    return kind != Kind.UNALLOCATED;
  }

  /**
   * Tells whether the layer has clusters with data for it. This is {@code data} of {@code qemu-img map}.
   *
   * @return true for data, sparse data and compressed data
   */
  public boolean isData() {
    return kind == Kind.DATA || kind == Kind.SPARSE_DATA || kind == Kind.COMPRESSED;
  }

  /**
   * Tells whether it is certain to read as zeros, in the map of a whole chain. This is {@code zero} of
   * {@code qemu-img map}.
   *
   * @return true for zeros, sparse data, and what no layer has
   */
  public boolean isZero() {
    return kind == Kind.ZERO || kind == Kind.SPARSE_DATA || kind == Kind.UNALLOCATED;
  }
}
