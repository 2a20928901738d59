package io.n0stack.n0core.storage.qemuimg;

/**
 * What is done to a persistent bitmap.
 *
 * @since 0.1
 */
public enum BitmapChange {
  /** It is deleted. */
  REMOVE,
  /** It forgets what it has recorded. */
  CLEAR,
  /** It records. */
  ENABLE,
  /** It records nothing more. */
  DISABLE
}
