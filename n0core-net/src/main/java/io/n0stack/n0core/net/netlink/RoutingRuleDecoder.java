package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.RoutingRule.Action;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Reads one RTM_NEWRULE or RTM_DELRULE. */
final class RoutingRuleDecoder {
  private static final byte[] NOTHING = {};
  private static final int NO_LENGTH = -1;

  private final ByteBuffer bytes;
  private final int body;
  private byte[] from = NOTHING;
  private byte[] to = NOTHING;
  private String input = "";
  private String output = "";
  private long priority;
  private long mark;
  private long mask;
  private long target;
  private long table;
  private int vrf;
  private int suppressed = NO_LENGTH;
  private int protocol;

  private RoutingRuleDecoder(ByteBuffer bytes, int body) {
    this.bytes = bytes;
    this.body = body;
    table = octet(RouteNumbers.FIB_RULE_TABLE);
  }

  /** Decodes the message between two offsets; null if it is about something else. */
  static @Nullable RoutingRule decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if ((type != RouteNumbers.RTM_NEWRULE && type != RouteNumbers.RTM_DELRULE)
        || to - body < RouteNumbers.FIB_RULE) {
      return null;
    }
    RoutingRuleDecoder decoder = new RoutingRuleDecoder(bytes, body);
    decoder.read(new Attributes(bytes, body + RouteNumbers.FIB_RULE, to));
    return decoder.rule();
  }

  private int octet(int offset) {
    return Byte.toUnsignedInt(bytes.get(body + offset));
  }

  private void read(Attributes attributes) {
    while (attributes.advance()) {
      long number = Integer.toUnsignedLong(attributes.number());
      switch (attributes.type()) {
        case RouteNumbers.FRA_DST -> to = attributes.octets();
        case RouteNumbers.FRA_SRC -> from = attributes.octets();
        case RouteNumbers.FRA_IIFNAME -> input = attributes.text();
        case RouteNumbers.FRA_OIFNAME -> output = attributes.text();
        case RouteNumbers.FRA_GOTO -> target = number;
        case RouteNumbers.FRA_PRIORITY -> priority = number;
        case RouteNumbers.FRA_FWMARK -> mark = number;
        case RouteNumbers.FRA_FWMASK -> mask = number;
        case RouteNumbers.FRA_TABLE -> table = number;
        case RouteNumbers.FRA_SUPPRESS_PREFIXLEN -> suppressed = attributes.number();
        case RouteNumbers.FRA_L3MDEV -> vrf = attributes.number();
        case RouteNumbers.FRA_PROTOCOL -> protocol = attributes.octet(0);
        default -> {
          // ports, user ids and tunnels
        }
      }
    }
  }

  private @Nullable RoutingRule rule() {
    Optional<AddressFamily> family = AddressFamily.of(octet(0));
    Optional<Action> action = Action.of(octet(RouteNumbers.FIB_RULE_ACTION));
    if (family.isEmpty() || action.isEmpty()) {
      return null;
    }
    boolean looksUp = action.get() == Action.TABLE && vrf == 0;
    try {
      return new RoutingRule(
          family.get(),
          OptionalLong.of(priority),
          prefix(family.get(), from, octet(RouteNumbers.FIB_RULE_SRC_LEN)),
          prefix(family.get(), to, octet(RouteNumbers.FIB_RULE_DST_LEN)),
          input.isEmpty() ? Optional.empty() : Optional.of(input),
          output.isEmpty() ? Optional.empty() : Optional.of(output),
          mark == 0 && mask == 0 ? Optional.empty() : Optional.of(new RoutingRule.Mark(mark, mask)),
          Switch.of(
              bytes.getInt(body + RouteNumbers.FIB_RULE_FLAGS) & RouteNumbers.FIB_RULE_INVERT),
          action.get(),
          looksUp ? table : 0,
          action.get() == Action.GOTO ? OptionalLong.of(target) : OptionalLong.empty(),
          Switch.of(vrf),
          suppressed == NO_LENGTH ? OptionalInt.empty() : OptionalInt.of(suppressed),
          protocol);
    } catch (N0Exception e) {
      // No kernel says so: a link without a possible name, a table that is none.
      return null;
    }
  }

  private static Optional<CidrAddress> prefix(AddressFamily family, byte[] address, int length) {
    return length == 0 ? Optional.empty() : family.prefix(address, length);
  }
}
