package io.n0stack.n0core.kvm.qapi;

/**
 * What happens to clients when a password is set.
 *
 * @since 0.1
 */
public enum Connected {
  /** They stay. */
  KEEP,
  /** Nothing is set while there are any. */
  FAIL,
  /** They are cut off. */
  DISCONNECT
}
