package io.n0stack.n0core.membership.etcd;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How the servers of etcd are known and how this client shows who it is: PEM files.
 *
 * @param trusted the certificates of the authorities that sign the servers'
 * @param certificate this client's certificate chain, empty if the servers ask for none
 * @param key its private key in PKCS #8, there exactly if the certificate is
 * @since 0.1
 */
public record EtcdTls(Path trusted, Optional<Path> certificate, Optional<Path> key) {
  /** Checks the paths; the files are read when a store is opened. */
  public EtcdTls {
    Rules.absolutePath("trusted", trusted);
    certificate.ifPresent(path -> Rules.absolutePath("certificate", path));
    key.ifPresent(path -> Rules.absolutePath("key", path));
    if (certificate.isPresent() != key.isPresent()) {
      throw N0Exception.invalid(
          "key", key.map(Path::toString).orElse(""), "must be given exactly with a certificate");
    }
  }

  /**
   * Knows the servers, and shows no certificate.
   *
   * @param trusted the certificates of the authorities that sign the servers'
   * @return the options
   */
  public static EtcdTls trusting(Path trusted) {
    return new EtcdTls(trusted, Optional.empty(), Optional.empty());
  }

  /**
   * Shows a certificate.
   *
   * @param certificate this client's certificate chain
   * @param key its private key in PKCS #8
   * @return a changed copy
   */
  public EtcdTls withCertificate(Path certificate, Path key) {
    return new EtcdTls(trusted, Optional.of(certificate), Optional.of(key));
  }
}
