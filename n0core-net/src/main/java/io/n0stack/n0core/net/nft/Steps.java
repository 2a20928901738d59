package io.n0stack.n0core.net.nft;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Part of a rule.
 *
 * @param expressions in their order
 */
record Steps(List<Expression> expressions) {
  static Steps of(Expression... expressions) {
    return new Steps(List.of(expressions));
  }

  static Steps join(Steps... parts) {
    return new Steps(
        Arrays.stream(parts).flatMap(part -> part.expressions.stream()).toList());
  }

  static Rule rule(Steps... parts) {
    return new Rule(join(parts).expressions, Optional.empty());
  }
}
