package io.n0stack.n0core.kvm.qapi;

/**
 * What happens to clients of a removed export.
 *
 * @since 0.1
 */
public enum RemoveMode {
  /** It is not removed while it has clients. */
  SAFE,
  /** They are cut off. */
  HARD
}
