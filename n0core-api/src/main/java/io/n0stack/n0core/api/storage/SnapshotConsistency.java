package io.n0stack.n0core.api.storage;

/**
 * What a guest finds on a disk that is set back to a snapshot.
 *
 * @since 0.1
 */
public enum SnapshotConsistency {
  /** All that was on a disk that nobody had open. */
  EXACT,
  /** File systems that were frozen: nothing is half written. */
  FROZEN,
  /** A disk as after a power failure; also where it is not known. */
  CRASH
}
