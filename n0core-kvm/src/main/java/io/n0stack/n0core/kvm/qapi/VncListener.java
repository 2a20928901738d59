package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * An address that a VNC server listens on.
 *
 * @param host the address, empty for a Unix socket
 * @param service the port, or the Unix socket's path
 * @param family the address's family
 * @param websocket whether for websockets
 * @param auth how clients log in, {@code none} if not at all
 * @param vencrypt how, if by VeNCrypt
 * @since 0.1
 */
public record VncListener(
    String host,
    String service,
    Term<AddressFamily> family,
    boolean websocket,
    String auth,
    Optional<String> vencrypt) {
  static VncListener from(QmpResult result) {
    return new VncListener(
        result.text("/host"),
        result.text("/service"),
        Read.term(AddressFamily.class, result, "/family"),
        result.flag("/websocket"),
        result.text("/auth"),
        Read.optText(result, "/vencrypt"));
  }
}
