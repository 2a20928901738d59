package io.n0stack.n0core.net.netlink;

/**
 * Whether the kernel does something.
 *
 * @since 0.1
 */
public enum Switch {
  /** It does. */
  ON,
  /** It does not. */
  OFF;

  static Switch of(int value) {
    return value == 0 ? OFF : ON;
  }

  int number() {
    return this == ON ? 1 : 0;
  }
}
