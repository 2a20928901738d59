package io.n0stack.n0core.net.nft;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Rules that a packet is held to one after the other.
 *
 * @param name 1 to 255 bytes
 * @param hook where packets come from; empty for a chain that rules jump to
 * @param rules in their order
 * @param comment 1 to 127 bytes
 * @since 0.1
 */
public record Chain(String name, Optional<Hook> hook, List<Rule> rules, Optional<String> comment) {
  /** What a base chain is for. */
  public enum Type {
    /** To drop packets. */
    FILTER,
    /** To change addresses of connections; sees their first packet alone. */
    NAT,
    /** To have packets routed again. */
    ROUTE,
    /** What this library has no name for. */
    OTHER;

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Type of(String text) {
      return Stream.of(values())
          .filter(type -> type.text().equals(text))
          .findFirst()
          .orElse(OTHER);
    }
  }

  /** Where in its way a packet is. The numbers are those of {@code nf_inet_hooks}. */
  public enum Point {
    /** It came in. */
    PREROUTING(0),
    /** It is for this host. */
    INPUT(1),
    /** It is for others. */
    FORWARD(2),
    /** It is from this host. */
    OUTPUT(3),
    /** It goes out. */
    POSTROUTING(4),
    /** What this library has no name for. */
    OTHER(-1);

    private final int number;

    Point(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Point of(int number) {
      return Stream.of(values())
          .filter(each -> each.number == number)
          .findFirst()
          .orElse(OTHER);
    }
  }

  /** What becomes of packets about which no rule decides. */
  public enum Policy {
    /** They are dropped. */
    DROP(0),
    /** They go on. */
    ACCEPT(1);

    private final int number;

    Policy(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  /**
   * Where a base chain gets its packets.
   *
   * @param type what the chain is for
   * @param point where in a packet's way
   * @param priority base chains of lower numbers come first
   * @param policy what becomes of packets about which no rule decides
   */
  public record Hook(Type type, Point point, int priority, Policy policy) {}

  /** Checks the names and copies the rules. */
  public Chain {
    Names.require("chain", name);
    rules = List.copyOf(rules);
    comment.ifPresent(text -> Names.requireComment("comment", text));
  }

  /**
   * Makes a chain that rules jump to.
   *
   * @param name 1 to 255 bytes
   * @param rules in their order
   * @return a chain without a comment
   */
  public static Chain regular(String name, List<Rule> rules) {
    return new Chain(name, Optional.empty(), rules, Optional.empty());
  }

  /**
   * Makes a chain that packets come to.
   *
   * @param name 1 to 255 bytes
   * @param hook where from
   * @param rules in their order
   * @return a chain without a comment
   */
  public static Chain base(String name, Hook hook, List<Rule> rules) {
    return new Chain(name, Optional.of(hook), rules, Optional.empty());
  }

  /**
   * Sets the comment.
   *
   * @param text 1 to 127 bytes
   * @return a changed copy
   */
  public Chain withComment(String text) {
    return new Chain(name, hook, rules, Optional.of(text));
  }

  /**
   * Sets the rules.
   *
   * @param others in their order
   * @return a changed copy
   */
  public Chain withRules(List<Rule> others) {
    return new Chain(name, hook, others, comment);
  }

  /**
   * Forgets what was counted, so that chains can be compared.
   *
   * @return a copy whose counters are zero
   */
  public Chain withoutCounts() {
    return withRules(rules.stream().map(Rule::withoutCounts).toList());
  }
}
