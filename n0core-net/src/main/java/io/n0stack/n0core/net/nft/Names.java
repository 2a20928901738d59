package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What the kernel takes for names and comments. */
final class Names {
  private static final int LONGEST = 255; // NFT_NAME_MAXLEN - 1
  private static final int LONGEST_COMMENT = 127; // what nft(8) lets be 128 with the final zero

  private Names() {}

  static String require(String field, String name) {
    return checked(field, name, LONGEST);
  }

  static String requireComment(String field, String comment) {
    return checked(field, comment, LONGEST_COMMENT);
  }

  /** Takes what somebody wrote for a comment, unless it cannot be one. */
  static Optional<String> comment(String text) {
    return good(text, LONGEST_COMMENT) ? Optional.of(text) : Optional.empty();
  }

  private static boolean good(String text, int most) {
    int length = text.getBytes(StandardCharsets.UTF_8).length;
    return length >= 1 && length <= most && text.chars().noneMatch(Character::isISOControl);
  }

  private static String checked(String field, String text, int most) {
    if (!good(text, most)) {
      throw N0Exception.invalid(
          field, text, "must be 1 to " + most + " bytes without control characters");
    }
    return text;
  }
}
