package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.net.nft.Expression.Counter;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Steps that a packet takes until one does not match it.
 *
 * @param expressions the steps
 * @param comment 1 to 127 bytes, which {@code nft} shows, too
 * @since 0.1
 */
public record Rule(List<Expression> expressions, Optional<String> comment) {
  /** Copies the steps and checks the comment. */
  public Rule {
    expressions = List.copyOf(expressions);
    comment.ifPresent(text -> Names.requireComment("comment", text));
  }

  /**
   * Makes a rule without a comment.
   *
   * @param expressions the steps
   * @return a rule
   */
  public static Rule of(Expression... expressions) {
    return new Rule(Arrays.asList(expressions), Optional.empty());
  }

  /**
   * Sets the comment.
   *
   * @param text 1 to 127 bytes
   * @return a changed copy
   */
  public Rule withComment(String text) {
    return new Rule(expressions, Optional.of(text));
  }

  /**
   * Forgets what was counted, so that rules can be compared.
   *
   * @return a copy whose counters are zero
   */
  public Rule withoutCounts() {
    return new Rule(
        expressions.stream()
            .map(each -> each instanceof Counter ? Counter.zero() : each)
            .toList(),
        comment);
  }
}
