package io.n0stack.n0core.storage.qemuimg;

/**
 * What a repair may touch.
 *
 * @since 0.1
 */
public enum Repair {
  /** Frees clusters that nothing uses; always safe. */
  LEAKS,
  /** Corruptions too; a guess can be wrong and hide a loss. */
  ALL
}
