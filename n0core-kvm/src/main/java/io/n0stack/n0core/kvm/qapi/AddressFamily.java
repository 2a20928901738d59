package io.n0stack.n0core.kvm.qapi;

/**
 * The family of an address.
 *
 * @since 0.1
 */
public enum AddressFamily {
  /** IP version 4. */
  IPV4,
  /** IP version 6. */
  IPV6,
  /** A Unix socket. */
  UNIX,
  /** Between host and guest. */
  VSOCK,
  /** Another. */
  UNKNOWN
}
