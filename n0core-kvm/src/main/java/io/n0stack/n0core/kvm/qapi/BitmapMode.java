package io.n0stack.n0core.kvm.qapi;

/**
 * What a backup does to its bitmap.
 *
 * @since 0.1
 */
public enum BitmapMode {
  /** Clears it if the backup succeeds. */
  ON_SUCCESS,
  /** Leaves it as it is. */
  NEVER,
  /** Takes out what was copied, also if the backup fails. */
  ALWAYS
}
