package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The rules of what goes into a seed. */
final class SeedRules {
  private static final int USER_DATA = 1 << 20;
  private static final int BEGINNING = 16;
  // A line break of YAML 1.1, or a character that a reader of YAML refuses when it is not escaped.
  private static final Pattern UNREADABLE =
      Pattern.compile("[\\p{Cc}\\p{Cs}\u2028\u2029\ufeff\ufffe\uffff&&[^\t\n]]");
  private static final Pattern USER = Pattern.compile("[a-z_][a-z0-9_-]{0,31}");
  private static final Pattern DOMAIN =
      Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*");
  private static final Pattern KEY = Pattern.compile("(ssh-ed25519|ssh-rsa"
      + "|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\\.com"
      + "|sk-ecdsa-sha2-nistp256@openssh\\.com) ([A-Za-z0-9+/]+={0,2})( .*)?");
  private static final Pattern DOCUMENT =
      Pattern.compile("(#|Content-Type:|MIME-Version:)", Pattern.CASE_INSENSITIVE);

  private SeedRules() {}

  /** Checks text of one line. */
  static String line(String field, String value, int most) {
    Rules.text(field, value, most);
    return lines(field, value, most);
  }

  /** Checks text that may have several lines. */
  static String lines(String field, String value, int most) {
    if (value.length() > most || UNREADABLE.matcher(value).find()) {
      throw N0Exception.invalid(
          field,
          value,
          "must be at most " + most + " characters, of control characters only tab and line feed");
    }
    return value;
  }

  /** Checks a document that cloud-init is to tell by its first line. */
  static String document(String field, String value) {
    if (!DOCUMENT.matcher(value).lookingAt()) {
      // No more of it: the rest may be secret.
      throw N0Exception.invalid(
          field,
          value.substring(0, Math.min(BEGINNING, value.length())),
          "must begin as cloud-init knows it, such as \"#cloud-config\", \"#!\" or"
              + " \"Content-Type:\"");
    }
    if (value.length() > USER_DATA || !StandardCharsets.UTF_8.newEncoder().canEncode(value)) {
      throw N0Exception.invalid(
          field, "(not shown)", "must be at most " + USER_DATA + " characters of Unicode");
    }
    return value;
  }

  static String user(String field, String value) {
    if (!USER.matcher(value).matches() || value.equals("default")) {
      throw N0Exception.invalid(
          field,
          value,
          "must be 1 to 32 characters of a-z, 0-9, '_' and '-', begin with a letter or '_', and not"
              + " be \"default\"");
    }
    return value;
  }

  static String domain(String field, String value) {
    if (value.length() > 253 || !DOMAIN.matcher(value).matches()) {
      throw N0Exception.invalid(
          field,
          value,
          "must be at most 253 characters: labels of a-z, 0-9 and '-', separated by dots");
    }
    return value;
  }

  /** Checks one line of authorized_keys(5) without options: what it says to be is what it holds. */
  static String key(String field, String value) {
    line(field, value, 16_384);
    Matcher parts = KEY.matcher(value);
    if (!parts.matches() || !holds(parts.group(1), parts.group(2))) {
      throw N0Exception.invalid(
          field, value, "must be a public key of OpenSSH: \"TYPE BASE64 [COMMENT]\" on one line");
    }
    return value;
  }

  private static boolean holds(String type, String base64) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    try {
      ByteBuffer key = ByteBuffer.wrap(Base64.getDecoder().decode(base64));
      if (key.remaining() <= 4 + name.length || key.getInt() != name.length) {
        return false;
      }
      byte[] found = new byte[name.length];
      key.get(found);
      return Arrays.equals(found, name) && isWhole(key);
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** Each part has its length before it, RFC 4251, 5: so a key that was cut does not pass. */
  private static boolean isWhole(ByteBuffer key) {
    while (key.remaining() >= 4) {
      int length = key.getInt();
      if (length < 0 || length > key.remaining()) {
        return false;
      }
      key.position(key.position() + length);
    }
    return !key.hasRemaining();
  }

  static InetAddress address(String field, InetAddress value) {
    if (isScoped(value) || value.isAnyLocalAddress() || value.isMulticastAddress()) {
      throw N0Exception.invalid(
          field, value.getHostAddress(), "must be a unicast address without a zone");
    }
    return value;
  }

  static boolean isScoped(InetAddress value) {
    return value instanceof Inet6Address six
        && (six.getScopeId() != 0 || six.getScopedInterface() != null);
  }

  static void distinct(String field, Collection<?> values) {
    if (new HashSet<>(values).size() < values.size()) {
      throw N0Exception.invalid(field, values, "must name each once");
    }
  }
}
