package io.n0stack.n0core.api.storage;

/**
 * What of a new volume's space is taken at once.
 *
 * @since 0.1
 */
public enum Preallocation {
  /** Nothing: it grows as the guest writes. */
  OFF,
  /** The tables of a qcow2 volume, so that first writes need not make them; the data is sparse. */
  METADATA,
  /** All of it, by fallocate(2): nothing is written, and a full file system is met now. */
  FALLOC,
  /** All of it, written with zeroes. */
  FULL
}
