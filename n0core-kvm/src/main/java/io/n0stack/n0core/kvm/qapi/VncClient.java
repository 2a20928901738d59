package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A connected client.
 *
 * @param host its address
 * @param service its port
 * @param family its address's family
 * @param websocket whether by websocket
 * @param x509Name the name in its certificate
 * @param saslName the name by which it logged in
 * @since 0.1
 */
public record VncClient(
    String host,
    String service,
    Term<AddressFamily> family,
    boolean websocket,
    Optional<String> x509Name,
    Optional<String> saslName) {
  static VncClient from(QmpResult result) {
    return new VncClient(
        result.text("/host"),
        result.text("/service"),
        Read.term(AddressFamily.class, result, "/family"),
        result.flag("/websocket"),
        Read.optText(result, "/x509_dname"),
        Read.optText(result, "/sasl_username"));
  }
}
