package io.n0stack.n0core.storage.fetch;

import java.net.http.HttpHeaders;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * What tells two versions of a file on a server apart. See RFC 9110, sections 8.8 and 13.1.5.
 *
 * @param value for If-Range: a strong entity tag, else the date of the last change; empty if the server
 *     gave neither
 * @param total length of the whole; empty if the server did not say
 */
record Validator(String value, OptionalLong total) {
  static final Validator NONE = new Validator("", OptionalLong.empty());
  private static final int LONGEST = 1024;
  private static final Pattern STRONG = Pattern.compile("\"[\\x21\\x23-\\x7e]*\"");
  private static final Pattern DATE =
      Pattern.compile("[A-Z][a-z]{2}, \\d{2} [A-Z][a-z]{2} \\d{4} \\d{2}:\\d{2}:\\d{2} GMT");

  static Validator of(HttpHeaders headers, OptionalLong total) {
    String value = headers
        .firstValue("etag")
        .filter(Validator::isUsable)
        .or(() -> headers.firstValue("last-modified").filter(Validator::isUsable))
        .orElse("");
    return new Validator(value, total);
  }

  static boolean isUsable(String value) {
    return value.length() <= LONGEST
        && (STRONG.matcher(value).matches() || DATE.matcher(value).matches());
  }

  boolean isPresent() {
    return !value.isEmpty();
  }

  /** Tells whether a part that a server sends is of another version than this. */
  boolean isContradictedBy(HttpHeaders headers, OptionalLong claimed) {
    String field = value.startsWith("\"") ? "etag" : "last-modified";
    return headers.firstValue(field).filter(found -> !found.equals(value)).isPresent()
        || (total.isPresent() && claimed.isPresent() && total.getAsLong() != claimed.getAsLong());
  }
}
