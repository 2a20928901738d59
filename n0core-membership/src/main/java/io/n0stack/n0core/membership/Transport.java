package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;

/**
 * How members know each other: by certificates, by a shared secret, or not at all.
 *
 * @since 0.1
 */
public sealed interface Transport {
  /**
   * In the clear, but only on a loopback address or in a network namespace of the process's own;
   * anything else is refused.
   */
  Transport PLAINTEXT_ISOLATED = Plaintext.ISOLATED;

  /**
   * In the clear on any address. Whoever reaches the port can add, suspect and remove members and
   * change records: for networks that nobody else is on.
   */
  Transport PLAINTEXT_ANYWHERE = Plaintext.ANYWHERE;

  /**
   * Uses certificates, for both sides of every connection. The files are read again when they
   * change, and connections are then made anew.
   *
   * @param certificates PEM, this member's certificate first, then those that lead to the authority
   * @param key PEM, PKCS #8, not encrypted; others must not be able to read it
   * @param authorities PEM, the certificates of the authorities that are trusted
   * @return the transport
   */
  static Transport mutualTls(Path certificates, Path key, Path authorities) {
    return new MutualTls(certificates, key, authorities);
  }

  /**
   * Uses a secret that all members share, for development: frames are authentic and cannot be
   * replayed, but are not encrypted, and whoever has the secret can take any name.
   *
   * @param file holds the secret, 16 to 1024 bytes; others must not be able to read it
   * @return the transport
   */
  static Transport sharedSecret(Path file) {
    return new SharedSecret(file);
  }

  /**
   * Reads the form that command lines and configuration files use: {@code
   * tls:CERTIFICATES,KEY,AUTHORITIES}, {@code secret:FILE}, {@code plaintext-isolated} or {@code
   * plaintext-anywhere}.
   *
   * @param text the text; there is no default
   * @return the transport
   * @throws N0Exception INVALID naming the text and the rule
   */
  static Transport parse(String text) {
    if (text.equals("plaintext-isolated")) {
      return PLAINTEXT_ISOLATED;
    }
    if (text.equals("plaintext-anywhere")) {
      return PLAINTEXT_ANYWHERE;
    }
    if (text.startsWith("secret:")) {
      return sharedSecret(Path.of(text.substring(7)));
    }
    String[] files = text.startsWith("tls:") ? text.substring(4).split(",", -1) : new String[0];
    if (files.length != 3) {
      throw N0Exception.invalid(
          "transport",
          text,
          "must be tls:CERTIFICATES,KEY,AUTHORITIES, secret:FILE, plaintext-isolated or"
              + " plaintext-anywhere");
    }
    return mutualTls(Path.of(files[0]), Path.of(files[1]), Path.of(files[2]));
  }

  /** In the clear. */
  enum Plaintext implements Transport {
    /** Where nobody else can be. */
    ISOLATED,
    /** Anywhere. */
    ANYWHERE
  }

  /**
   * TLS 1.3, certificates on both sides, bound to names.
   *
   * @param certificates PEM, this member's certificate first, then those that lead to the authority
   * @param key PEM, PKCS #8, not encrypted
   * @param authorities PEM, the certificates of the authorities that are trusted
   */
  record MutualTls(Path certificates, Path key, Path authorities) implements Transport {
    /** Checks that the paths are absolute. */
    public MutualTls {
      Rules.absolutePath("certificates", certificates);
      Rules.absolutePath("key", key);
      Rules.absolutePath("authorities", authorities);
    }
  }

  /**
   * A secret that all members share.
   *
   * @param file holds the secret
   */
  record SharedSecret(Path file) implements Transport {
    /** Checks that the path is absolute. */
    public SharedSecret {
      Rules.absolutePath("file", file);
    }
  }
}
