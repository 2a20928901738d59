package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A rule that says for which packets a routing table is looked at, see ip-rule(8). Selectors that are
 * not listed here, such as ports and user ids, are neither set nor read.
 *
 * @param family the family of the packets
 * @param priority the rule with the smallest is looked at first, 0 to 4294967295; empty, for a new rule,
 *     to have the kernel put it before all others but that of priority 0
 * @param from where the packets come from; empty for anywhere
 * @param to where they go; empty for anywhere
 * @param input name of the link that they came in by, {@code lo} for our own; empty for any
 * @param output name of the link that a socket is bound to; empty for any
 * @param mark their firewall mark; empty for any
 * @param inverted whether it is for all packets but these
 * @param action what is done
 * @param table the table that is looked at, 1 to 4294967295; 0 for other actions and with {@code vrf}
 * @param target priority of the rule that is jumped to; empty for other actions
 * @param vrf whether the table is that of the packet's vrf ("l3mdev")
 * @param suppressPrefixLength routes with a prefix of so many bits or fewer are passed over, 0 to 128;
 *     empty for none
 * @param protocol who set it, 0 to 255, such as {@link Route#BOOT}; only for those who set it
 * @since 0.1
 */
public record RoutingRule(
    AddressFamily family,
    OptionalLong priority,
    Optional<CidrAddress> from,
    Optional<CidrAddress> to,
    Optional<String> input,
    Optional<String> output,
    Optional<Mark> mark,
    Switch inverted,
    Action action,
    long table,
    OptionalLong target,
    Switch vrf,
    OptionalInt suppressPrefixLength,
    int protocol) {
  private static final long LARGEST = 0xffffffffL;
  private static final int LONGEST_PREFIX = 128;

  /** What is done with packets, as FR_ACT_TO_TBL and the like say. */
  public enum Action {
    /** A table is looked at. */
    TABLE(1),
    /** Another rule, behind this one, is looked at next. */
    GOTO(2),
    /** Nothing. */
    NOP(3),
    /** They are dropped. */
    BLACKHOLE(6),
    /** They are dropped, and the sender is told that the network is unreachable. */
    UNREACHABLE(7),
    /** They are dropped, and the sender is told that this is forbidden. */
    PROHIBIT(8);

    private final int number;

    Action(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    static Optional<Action> of(int number) {
      return Arrays.stream(values()).filter(action -> action.number == number).findAny();
    }
  }

  /**
   * A firewall mark.
   *
   * @param value 0 to 4294967295
   * @param mask which of its bits matter, 0 to 4294967295
   */
  public record Mark(long value, long mask) {
    /** Checks the numbers. */
    public Mark {
      Rules.range("mark", value, 0, LARGEST);
      Rules.range("mask", mask, 0, LARGEST);
    }
  }

  /** Checks that the parts go together. */
  public RoutingRule {
    priority.ifPresent(number -> Rules.range("priority", number, 0, LARGEST));
    requireFamily("from", from, family);
    requireFamily("to", to, family);
    input.ifPresent(name -> Rules.linkName("input", name));
    output.ifPresent(name -> Rules.linkName("output", name));
    boolean looksUp = action == Action.TABLE && vrf == Switch.OFF;
    Rules.range("table", table, looksUp ? 1 : 0, looksUp ? LARGEST : 0);
    target.ifPresent(number -> Rules.range("target", number, 0, LARGEST));
    if (target.isPresent() != (action == Action.GOTO)) {
      throw N0Exception.invalid("target", target, "must be given with action GOTO and no other");
    }
    suppressPrefixLength.ifPresent(
        bits -> Rules.range("suppressPrefixLength", bits, 0, LONGEST_PREFIX));
    Rules.range("protocol", protocol, 0, 255);
  }

  private static void requireFamily(
      String field, Optional<CidrAddress> prefix, AddressFamily family) {
    if (prefix.isPresent() && AddressFamily.of(prefix.get().address()) != family) {
      throw N0Exception.invalid(field, prefix.get(), "must be " + family);
    }
  }

  /**
   * Begins a rule for all packets of a family.
   *
   * @param family the family
   * @return a builder of a rule that looks at table {@link Route#MAIN}
   */
  public static Builder of(AddressFamily family) {
    return new Builder(family);
  }

  /** Collects the parts of a {@link RoutingRule}. For one thread. */
  public static final class Builder {
    private final AddressFamily family;
    private OptionalLong priority = OptionalLong.empty();
    private Optional<CidrAddress> from = Optional.empty();
    private Optional<CidrAddress> to = Optional.empty();
    private Optional<String> input = Optional.empty();
    private Optional<String> output = Optional.empty();
    private Optional<Mark> mark = Optional.empty();
    private Switch inverted = Switch.OFF;
    private Action action = Action.TABLE;
    private long table = Route.MAIN;
    private OptionalLong target = OptionalLong.empty();
    private Switch vrf = Switch.OFF;
    private OptionalInt suppressPrefixLength = OptionalInt.empty();
    private int protocol = Route.BOOT;

    private Builder(AddressFamily family) {
      this.family = family;
    }

    /**
     * Sets which rules are looked at before it.
     *
     * @param number 0 to 4294967295
     * @return this builder
     */
    public Builder priority(long number) {
      priority = OptionalLong.of(number);
      return this;
    }

    /**
     * Selects packets by their source.
     *
     * @param prefix a network
     * @return this builder
     */
    public Builder from(CidrAddress prefix) {
      from = Optional.of(prefix);
      return this;
    }

    /**
     * Selects packets by their destination.
     *
     * @param prefix a network
     * @return this builder
     */
    public Builder to(CidrAddress prefix) {
      to = Optional.of(prefix);
      return this;
    }

    /**
     * Selects packets by the link that they came in by.
     *
     * @param name a link, {@code lo} for our own packets
     * @return this builder
     */
    public Builder input(String name) {
      input = Optional.of(name);
      return this;
    }

    /**
     * Selects packets by the link that their socket is bound to.
     *
     * @param name a link
     * @return this builder
     */
    public Builder output(String name) {
      output = Optional.of(name);
      return this;
    }

    /**
     * Selects packets by their firewall mark.
     *
     * @param value 0 to 4294967295
     * @param mask which bits matter, 0 to 4294967295
     * @return this builder
     */
    public Builder mark(long value, long mask) {
      mark = Optional.of(new Mark(value, mask));
      return this;
    }

    /**
     * Selects all packets but those that the rest says.
     *
     * @return this builder
     */
    public Builder inverted() {
      inverted = Switch.ON;
      return this;
    }

    /**
     * Looks at a table.
     *
     * @param number 1 to 4294967295
     * @return this builder
     */
    public Builder table(long number) {
      action = Action.TABLE;
      table = number;
      vrf = Switch.OFF;
      target = OptionalLong.empty();
      return this;
    }

    /**
     * Looks at the table of the vrf that the packet belongs to.
     *
     * @return this builder
     */
    public Builder vrfTable() {
      table(0);
      vrf = Switch.ON;
      return this;
    }

    /**
     * Does something that needs no table.
     *
     * @param what BLACKHOLE, UNREACHABLE, PROHIBIT or NOP
     * @return this builder
     */
    public Builder action(Action what) {
      table(0);
      action = what;
      return this;
    }

    /**
     * Goes on with another rule.
     *
     * @param number its priority, which is greater
     * @return this builder
     */
    public Builder jumpTo(long number) {
      action(Action.GOTO);
      target = OptionalLong.of(number);
      return this;
    }

    /**
     * Passes over routes that are not specific, such as the default route for 0.
     *
     * @param bits of the longest prefix that is passed over, 0 to 128
     * @return this builder
     */
    public Builder suppressPrefixLength(int bits) {
      suppressPrefixLength = OptionalInt.of(bits);
      return this;
    }

    /**
     * Sets who sets it; unless told, {@link Route#BOOT}.
     *
     * @param number 0 to 255
     * @return this builder
     */
    public Builder protocol(int number) {
      protocol = number;
      return this;
    }

    /**
     * Makes the rule.
     *
     * @return the rule
     * @throws N0Exception INVALID if a number is out of range or parts do not go together
     */
    public RoutingRule build() {
      return new RoutingRule(
          family,
          priority,
          from,
          to,
          input,
          output,
          mark,
          inverted,
          action,
          table,
          target,
          vrf,
          suppressPrefixLength,
          protocol);
    }
  }
}
