package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.nio.file.Path;

/**
 * An address that QEMU listens on or connects to.
 *
 * @since 0.1
 */
public sealed interface SocketAddress {
  /**
   * Reads an address.
   *
   * @param result what QEMU sent
   * @return the address
   */
  static SocketAddress from(QmpResult result) {
    String type = result.text("/type");
    return switch (type) {
      case "inet" -> new Inet(result.text("/host"), result.text("/port"));
      case "unix" -> new Unix(result.text("/path"));
      case "vsock" -> new Vsock(result.text("/cid"), result.text("/port"));
      case "fd" -> new Descriptor(result.text("/str"));
      default -> new Other(type, result);
    };
  }

  /**
   * An IP address and TCP port.
   *
   * @param host the address or name, possibly empty for all
   * @param port the port, 0 for any free one
   * @since 0.1
   */
  record Inet(String host, String port) implements SocketAddress {}

  /**
   * A Unix socket.
   *
   * @param path its path
   * @since 0.1
   */
  record Unix(String path) implements SocketAddress {
    /**
     * Names a socket.
     *
     * @param path its path
     * @return the address
     */
    public static Unix of(Path path) {
      return new Unix(Rules.absolutePath("path", path).toString());
    }
  }

  /**
   * A port between host and guest.
   *
   * @param cid the context id
   * @param port the port
   * @since 0.1
   */
  record Vsock(String cid, String port) implements SocketAddress {}

  /**
   * A socket that QEMU was given.
   *
   * @param name its name, or its number in QEMU
   * @since 0.1
   */
  record Descriptor(String name) implements SocketAddress {}

  /**
   * A kind of address that a newer QEMU added; cannot be sent.
   *
   * @param type its kind
   * @param address all that QEMU said
   * @since 0.1
   */
  record Other(String type, QmpResult address) implements SocketAddress {}
}
