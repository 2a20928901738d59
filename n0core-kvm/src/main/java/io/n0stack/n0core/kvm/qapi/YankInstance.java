package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A connection of QEMU that can be broken if it hangs.
 *
 * @since 0.1
 */
public sealed interface YankInstance {
  /**
   * Reads an instance.
   *
   * @param result what QEMU sent
   * @return the instance
   */
  static YankInstance from(QmpResult result) {
    String type = result.text("/type");
    return switch (type) {
      case "block-node" -> new Node(result.text("/node-name"));
      case "chardev" -> new CharacterDevice(result.text("/id"));
      case "migration" -> new Migration();
      default -> new Other(type);
    };
  }

  /**
   * A block node's, such as one on an NBD server.
   *
   * @param name the node
   * @since 0.1
   */
  record Node(String name) implements YankInstance {}

  /**
   * A character device's.
   *
   * @param id its id
   * @since 0.1
   */
  record CharacterDevice(String id) implements YankInstance {}

  /**
   * The migration's.
   *
   * @since 0.1
   */
  record Migration() implements YankInstance {}

  /**
   * A kind that a newer QEMU added; cannot be sent.
   *
   * @param type its kind
   * @since 0.1
   */
  record Other(String type) implements YankInstance {}
}
