package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The rules that every {@link Store} checks before it changes anything.
 *
 * @since 0.1
 */
public final class StoreRules {
  private static final int LABELS = 3;

  private StoreRules() {}

  /**
   * Tells whether a text is the key of a record.
   *
   * @param key any text
   * @return whether it is 1 to 3 RFC 1123 labels joined by slashes
   */
  public static boolean isKey(String key) {
    int labels = 1;
    int begin = 0;
    for (int end = key.indexOf('/'); end >= 0; end = key.indexOf('/', begin)) {
      if (labels == LABELS || !Rules.isLabel(key.substring(begin, end))) {
        return false;
      }
      labels++;
      begin = end + 1;
    }
    return Rules.isLabel(key.substring(begin));
  }

  /**
   * Checks a key.
   *
   * @param key the key
   * @return the key
   * @throws N0Exception INVALID if it is not 1 to 3 RFC 1123 labels joined by slashes
   */
  public static String key(String key) {
    if (!isKey(key)) {
      throw N0Exception.invalid("key", key, "must be 1 to 3 RFC 1123 labels joined by '/'");
    }
    return key;
  }

  /**
   * Checks a value.
   *
   * @param value the value
   * @return the value
   * @throws N0Exception INVALID if it has lone surrogates or more than {@link Store#MAX_VALUE_BYTES}
   *     in UTF-8
   */
  public static String value(String value) {
    Rules.range("value bytes", bytes(value), 0, Store.MAX_VALUE_BYTES);
    return value;
  }

  private static int bytes(String value) {
    if (isAscii(value)) {
      return value.length();
    }
    try {
      return StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value)).limit();
    } catch (CharacterCodingException e) {
      // String.getBytes would store a question mark: another value than the one that was put.
      throw N0Exception.invalid("value", value, "must be Unicode text without lone surrogates");
    }
  }

  private static boolean isAscii(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) >= 0x80) {
        return false;
      }
    }
    return true;
  }
}
