package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import java.util.List;

/**
 * The rules that say which routing table is looked at, see ip-rule(8). Thread-safe; part of a {@link
 * Netlink}, whose errors it has.
 *
 * @since 0.1
 */
public final class RoutingRules {
  private static final int LARGEST_SHORT_TABLE = 255;

  private final Conversation kernel;

  RoutingRules(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists the rules of a family.
   *
   * @param family the family
   * @return in the order in which they are looked at
   */
  public List<RoutingRule> list(AddressFamily family) {
    return Netlink.consistent(kernel, new Listing(family), RoutingRuleDecoder::decode);
  }

  /**
   * Adds a rule.
   *
   * @param rule the rule
   * @throws NetlinkException ALREADY_EXISTS if there is the same; INVALID for a jump backwards
   */
  public void add(RoutingRule rule) {
    kernel.change(adding(rule).request());
  }

  /**
   * Removes the first rule that is so. What is empty in the given one can be anything in the other, so
   * that a rule without a priority and any selector removes one that it was never meant for.
   *
   * @param rule the rule
   * @throws NetlinkException NOT_FOUND if there is none
   */
  public void remove(RoutingRule rule) {
    kernel.change(removing(rule).request());
  }

  /**
   * Describes {@link #add}.
   *
   * @param rule the rule
   * @return the change
   */
  public static Change adding(RoutingRule rule) {
    return Change.of(
        () -> "add " + words(rule),
        message -> write(message, RouteNumbers.RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule));
  }

  /**
   * Describes {@link #remove}.
   *
   * @param rule the rule
   * @return the change
   */
  public static Change removing(RoutingRule rule) {
    return Change.of(
        () -> "remove " + words(rule),
        message -> write(message, RouteNumbers.RTM_DELRULE, 0, rule));
  }

  private static String words(RoutingRule rule) {
    return "rule"
        + (rule.priority().isPresent() ? " of priority " + rule.priority().getAsLong() : "")
        + rule.from().map(prefix -> " from " + prefix).orElse("")
        + rule.to().map(prefix -> " to " + prefix).orElse("");
  }

  private static void write(MessageWriter message, int type, int flags, RoutingRule rule) {
    message.begin(type, flags | NLM_F_ACK, RouteNumbers.FIB_RULE);
    message.header8(0, rule.family().number());
    message.header8(
        RouteNumbers.FIB_RULE_DST_LEN, rule.to().map(CidrAddress::prefixLength).orElse(0));
    message.header8(
        RouteNumbers.FIB_RULE_SRC_LEN,
        rule.from().map(CidrAddress::prefixLength).orElse(0));
    message.header8(RouteNumbers.FIB_RULE_ACTION, rule.action().number());
    message.header32(
        RouteNumbers.FIB_RULE_FLAGS,
        rule.inverted() == Switch.ON ? RouteNumbers.FIB_RULE_INVERT : 0);
    if (rule.table() <= LARGEST_SHORT_TABLE) {
      message.header8(RouteNumbers.FIB_RULE_TABLE, (int) rule.table());
    } else {
      message.number(RouteNumbers.FRA_TABLE, (int) rule.table());
    }
    rule.priority().ifPresent(number -> message.number(RouteNumbers.FRA_PRIORITY, (int) number));
    select(message, rule);
    rule.target().ifPresent(number -> message.number(RouteNumbers.FRA_GOTO, (int) number));
    if (rule.vrf() == Switch.ON) {
      message.octet(RouteNumbers.FRA_L3MDEV, 1);
    }
    rule.suppressPrefixLength()
        .ifPresent(bits -> message.number(RouteNumbers.FRA_SUPPRESS_PREFIXLEN, bits));
    message.octet(RouteNumbers.FRA_PROTOCOL, rule.protocol());
  }

  private static void select(MessageWriter message, RoutingRule rule) {
    rule.to().ifPresent(to -> message.octets(RouteNumbers.FRA_DST, to.address().getAddress()));
    rule.from()
        .ifPresent(from -> message.octets(RouteNumbers.FRA_SRC, from.address().getAddress()));
    rule.input().ifPresent(name -> message.text(RouteNumbers.FRA_IIFNAME, name));
    rule.output().ifPresent(name -> message.text(RouteNumbers.FRA_OIFNAME, name));
    rule.mark().ifPresent(mark -> {
      message.number(RouteNumbers.FRA_FWMARK, (int) mark.value());
      message.number(RouteNumbers.FRA_FWMASK, (int) mark.mask());
    });
  }

  private record Listing(AddressFamily family) implements Request {
    @Override
    public void write(MessageWriter message) {
      message.begin(RouteNumbers.RTM_GETRULE, NLM_F_DUMP, RouteNumbers.FIB_RULE);
      message.header8(0, family.number());
    }

    @Override
    public String toString() {
      return "list rules of " + family;
    }
  }
}
