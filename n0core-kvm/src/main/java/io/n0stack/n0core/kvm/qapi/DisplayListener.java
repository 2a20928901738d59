package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * The address at which a display's client arrived.
 *
 * @param host the address, empty for a Unix socket
 * @param port the port, or the Unix socket's path
 * @param family the address's family
 * @param websocket whether by websocket
 * @param auth how clients log in
 * @since 0.1
 */
public record DisplayListener(
    String host,
    String port,
    Term<AddressFamily> family,
    boolean websocket,
    Optional<String> auth) {
  static DisplayListener from(QmpResult result) {
    return new DisplayListener(
        result.text("/host"),
        DisplayClient.port(result),
        Read.term(AddressFamily.class, result, "/family"),
        Read.optFlag(result, "/websocket").orElse(false),
        Read.optText(result, "/auth"));
  }
}
