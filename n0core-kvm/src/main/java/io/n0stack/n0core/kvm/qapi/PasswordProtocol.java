package io.n0stack.n0core.kvm.qapi;

/**
 * Whose password.
 *
 * @since 0.1
 */
public enum PasswordProtocol {
  /** The VNC server's. */
  VNC,
  /** The SPICE server's. */
  SPICE
}
