package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;

/**
 * A key.
 *
 * @since 0.1
 */
public sealed interface Key {
  /**
   * A key by its name.
   *
   * @param name QEMU's name for it, such as {@code ctrl}, {@code a} or {@code kp_enter}
   * @since 0.1
   */
  record Named(String name) implements Key {
    /** Checks the name. */
    public Named {
      Rules.text("name", name, 64);
    }
  }

  /**
   * A key by its number.
   *
   * @param number the scan code of a PC keyboard
   * @since 0.1
   */
  record Numbered(int number) implements Key {}
}
