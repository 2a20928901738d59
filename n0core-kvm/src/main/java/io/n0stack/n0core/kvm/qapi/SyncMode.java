package io.n0stack.n0core.kvm.qapi;

/**
 * What a copying job copies.
 *
 * @since 0.1
 */
public enum SyncMode {
  /** What the topmost image holds. */
  TOP,
  /** Everything. */
  FULL,
  /** Only what is written from now on. */
  NONE,
  /** What a bitmap marks; the bitmap is cleared at success. */
  INCREMENTAL,
  /** What a bitmap marks. */
  BITMAP
}
