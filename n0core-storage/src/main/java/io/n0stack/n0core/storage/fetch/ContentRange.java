package io.n0stack.n0core.storage.fetch;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The header of that name. See RFC 9110, section 14.4.
 *
 * @param first position of the first byte, -1 if the range was not satisfied
 * @param last position of the last byte, -1 if the range was not satisfied
 * @param total length of the whole; empty if the server does not know
 */
record ContentRange(long first, long last, OptionalLong total) {
  private static final Pattern SYNTAX =
      Pattern.compile("(?i:bytes) (?:(\\d{1,18})-(\\d{1,18})|\\*)/(\\d{1,18}|\\*)");

  /** Reads the header; empty for whatever is not a sound one. */
  static Optional<ContentRange> parse(String text) {
    Matcher matcher = SYNTAX.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    boolean satisfied = matcher.group(1) != null;
    long first = satisfied ? Long.parseLong(matcher.group(1)) : -1;
    long last = satisfied ? Long.parseLong(matcher.group(2)) : -1;
    OptionalLong total = matcher.group(3).equals("*")
        ? OptionalLong.empty()
        : OptionalLong.of(Long.parseLong(matcher.group(3)));
    boolean sound =
        first <= last && (satisfied ? total.orElse(Long.MAX_VALUE) > last : total.isPresent());
    return sound ? Optional.of(new ContentRange(first, last, total)) : Optional.empty();
  }
}
