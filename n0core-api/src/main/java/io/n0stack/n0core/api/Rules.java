package io.n0stack.n0core.api;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * The rules that records check in their compact constructors. Each method returns the value if it
 * is good and otherwise throws an {@link N0Exception} with code {@link N0Exception.Code#INVALID}
 * that names field, value and rule.
 *
 * @since 0.1
 */
public final class Rules {
  private static final int QUOTED = 80;
  private static final int LABEL_CHARACTERS = 63;
  private static final int LINK_NAME_BYTES = 15; // IFNAMSIZ - 1, linux/if.h
  // The kernel's isspace() reads bytes as Latin-1, so that the second byte of a letter can be a
  // space.
  private static final char KERNEL_SPACE = '\u00a0';
  private static final Pattern LINK_NAME = Pattern.compile("[^\\s/:%\\p{Cc}]+");

  private Rules() {}

  /**
   * Checks a resource name: a label as in RFC 1123, lower case.
   *
   * @param field the field's name
   * @param value the value to check
   * @return the value
   * @throws N0Exception INVALID if it is not 1 to 63 of a-z, 0-9 and hyphen, or begins or ends with a hyphen
   */
  public static String label(String field, String value) {
    if (!isLabel(value)) {
      throw N0Exception.invalid(
          field,
          value,
          "must be 1 to 63 characters of a-z, 0-9 and '-', and begin and end with a letter or digit");
    }
    return value;
  }

  /**
   * Tells whether a text is a label as in RFC 1123, lower case. Does without a pattern, because each
   * look at a record checks one.
   *
   * @param value any text
   * @return whether it is 1 to 63 of a-z, 0-9 and hyphen, and neither begins nor ends with a hyphen
   */
  public static boolean isLabel(String value) {
    int last = value.length() - 1;
    if (last < 0 || last >= LABEL_CHARACTERS) {
      return false;
    }
    for (int i = 0; i <= last; i++) {
      char c = value.charAt(i);
      boolean inner = c == '-' && i > 0 && i < last;
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && !inner) {
        return false;
      }
    }
    return true;
  }

  /**
   * Checks the name of a network link as the kernel does ({@code dev_valid_name}), and also refuses
   * {@code %}, which the kernel would take for a template.
   *
   * @param field the field's name
   * @param value the value to check
   * @return the value
   * @throws N0Exception INVALID if it is not 1 to 15 bytes, or is {@code .} or {@code ..}, or has a
   *     space, slash, colon, percent sign or control character
   */
  public static String linkName(String field, String value) {
    if (!isPlainLinkName(value) && !isLinkName(value)) {
      throw N0Exception.invalid(
          field, value, "must be 1 to 15 bytes without space, '/', ':', '%' or control characters");
    }
    return value;
  }

  /** Knows the usual names without a pattern, because each look at a link checks one. */
  private static boolean isPlainLinkName(String value) {
    int length = value.length();
    for (int i = 0; i < length; i++) {
      char c = value.charAt(i);
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '-') {
        return false;
      }
    }
    return length > 0 && length <= LINK_NAME_BYTES;
  }

  private static boolean isLinkName(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    return bytes.length <= LINK_NAME_BYTES
        && new String(bytes, StandardCharsets.ISO_8859_1).indexOf(KERNEL_SPACE) < 0
        && !value.equals(".")
        && !value.equals("..")
        && LINK_NAME.matcher(value).matches();
  }

  /**
   * Checks a number against a closed range.
   *
   * @param field the field's name, with its unit if it has one
   * @param value the value to check
   * @param least the smallest value allowed
   * @param most the largest value allowed
   * @return the value
   * @throws N0Exception INVALID if it is outside the range
   */
  public static long range(String field, long value, long least, long most) {
    if (value < least || value > most) {
      throw N0Exception.invalid(field, value, "must be " + least + " to " + most);
    }
    return value;
  }

  /**
   * Checks free text that may reach a command line, a file or a log.
   *
   * @param field the field's name
   * @param value the value to check
   * @param most the largest number of characters allowed
   * @return the value
   * @throws N0Exception INVALID if it is blank, too long or has a control character
   */
  public static String text(String field, String value, int most) {
    if (value.isBlank() || value.length() > most || hasControl(value)) {
      throw N0Exception.invalid(
          field,
          value,
          "must be 1 to " + most + " characters, not blank, without control characters");
    }
    return value;
  }

  /**
   * Checks a path.
   *
   * @param field the field's name
   * @param value the value to check
   * @return the value
   * @throws N0Exception INVALID if it is not absolute and normal, or has a control character
   */
  public static Path absolutePath(String field, Path value) {
    if (!value.isAbsolute() || !value.normalize().equals(value) || hasControl(value.toString())) {
      throw N0Exception.invalid(
          field, value, "must be absolute, without '.' or '..', without control characters");
    }
    return value;
  }

  private static boolean hasControl(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (isControl(value.charAt(i))) {
        return true;
      }
    }
    return false;
  }

  private static boolean isControl(char c) {
    return Character.isISOControl(c) || c == '\u2028' || c == '\u2029';
  }

  /**
   * Quotes a value for a message: control characters escaped, cut at 80 characters.
   *
   * @param value any text
   * @return the text in double quotes
   */
  public static String quote(String value) {
    StringBuilder out = new StringBuilder("\"");
    int end = Math.min(value.length(), QUOTED);
    for (int i = 0; i < end; i++) {
      char c = value.charAt(i);
      if (isControl(c)) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append(end < value.length() ? "…\"" : "\"").toString();
  }
}
