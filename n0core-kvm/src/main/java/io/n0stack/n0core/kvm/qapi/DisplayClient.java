package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A display's client.
 *
 * @param host its address
 * @param port its port
 * @param family its address's family
 * @param websocket whether by websocket
 * @param x509Name the name in its certificate
 * @param saslName the name by which it logged in
 * @since 0.1
 */
public record DisplayClient(
    String host,
    String port,
    Term<AddressFamily> family,
    boolean websocket,
    Optional<String> x509Name,
    Optional<String> saslName) {
  static DisplayClient from(QmpResult result) {
    return new DisplayClient(
        result.text("/host"),
        port(result),
        Read.term(AddressFamily.class, result, "/family"),
        Read.optFlag(result, "/websocket").orElse(false),
        Read.optText(result, "/x509_dname"),
        Read.optText(result, "/sasl_username"));
  }

  /** VNC says service, SPICE says port. */
  static String port(QmpResult result) {
    return Read.optText(result, "/service").orElseGet(() -> result.text("/port"));
  }
}
