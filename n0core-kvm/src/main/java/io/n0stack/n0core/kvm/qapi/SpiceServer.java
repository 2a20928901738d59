package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The SPICE server.
 *
 * @param enabled whether there is one
 * @param migrated whether its clients went along with a migration
 * @param host its address
 * @param port its port
 * @param tlsPort its port for TLS
 * @param auth how clients log in
 * @param compiledVersion its version
 * @since 0.1
 */
public record SpiceServer(
    boolean enabled,
    boolean migrated,
    Optional<String> host,
    OptionalLong port,
    OptionalLong tlsPort,
    Optional<String> auth,
    Optional<String> compiledVersion) {
  static SpiceServer from(QmpResult result) {
    return new SpiceServer(
        result.flag("/enabled"),
        result.flag("/migrated"),
        Read.optText(result, "/host"),
        Read.optNumber(result, "/port"),
        Read.optNumber(result, "/tls-port"),
        Read.optText(result, "/auth"),
        Read.optText(result, "/compiled-version"));
  }
}
