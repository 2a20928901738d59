package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import java.util.HexFormat;
import java.util.Locale;

/**
 * What bytes hash to.
 *
 * @param algorithm the hash function
 * @param hex the digest in lower-case hexadecimal
 * @since 0.1
 */
public record Digest(Algorithm algorithm, String hex) {
  private static final String RULE = "must be sha256: or sha512: and lower-case hexadecimal digits";

  /** A hash function. */
  public enum Algorithm {
    /** SHA-256, 64 digits. */
    SHA256("SHA-256", 64),
    /** SHA-512, 128 digits. */
    SHA512("SHA-512", 128);

    private final String javaName;
    private final int digits;

    Algorithm(String javaName, int digits) {
      this.javaName = javaName;
      this.digits = digits;
    }

    String javaName() {
      return javaName;
    }

    private String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Checks the digits. */
  public Digest {
    if (hex.length() != algorithm.digits || !hex.chars().allMatch(Digest::isDigit)) {
      throw N0Exception.invalid("digest", hex, RULE);
    }
  }

  /**
   * Reads the text that {@link #toString()} writes.
   *
   * @param text {@code sha256:} or {@code sha512:} and lower-case hexadecimal digits
   * @return the digest
   * @throws N0Exception INVALID if it is anything else
   */
  public static Digest parse(String text) {
    return read(text, ':');
  }

  /** Reads a file's name; INVALID if it is not one that {@link #fileName()} makes. */
  static Digest ofFileName(String name) {
    return read(name, '-');
  }

  private static Digest read(String text, char separator) {
    for (Algorithm algorithm : Algorithm.values()) {
      String prefix = algorithm.label() + separator;
      if (text.startsWith(prefix) && text.length() == prefix.length() + algorithm.digits) {
        return new Digest(algorithm, text.substring(prefix.length()));
      }
    }
    throw N0Exception.invalid("digest", text, RULE);
  }

  static Digest of(Algorithm algorithm, byte[] bytes) {
    return new Digest(algorithm, HexFormat.of().formatHex(bytes));
  }

  private static boolean isDigit(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }

  /**
   * Returns the digest as a file's name.
   *
   * @return such as {@code sha256-} and digits
   */
  public String fileName() {
    return algorithm.label() + "-" + hex;
  }

  @Override
  public String toString() {
    return algorithm.label() + ":" + hex;
  }
}
