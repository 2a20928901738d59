package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Decoder;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.Link.OperationalState;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Reads RTM_NEWLINK. Unknown attributes are skipped; impossible lengths end the reading. Keeps what it
 * reads in fields, so it is used by one thread at a time.
 */
final class LinkDecoder implements Decoder<Link> {
  private static final int MAC = 6;
  private static final OperationalState[] STATES = OperationalState.values();
  private static final List<String> DISCIPLINES =
      List.of("noqueue", "noop", "pfifo_fast", "mq", "fq_codel");

  private final LinkKindReader kinds = new LinkKindReader();
  private final Attributes attributes = new Attributes();
  private final Attributes info = new Attributes();
  private String name = "";
  private String queueing = "";
  private @Nullable String alias;
  private @Nullable List<String> alternatives;
  private LinkKind kind = LinkKindReader.PHYSICAL;
  private @Nullable MacAddress mac;
  private int mtu;
  private int leastMtu;
  private int largestMtu;
  private int master;
  private int parent;
  private int parentNamespace;
  private int group;
  private int state;
  private int carrier;
  private int queueLength;
  private int transmitQueues;
  private int receiveQueues;
  private int promiscuity;

  /** Decodes the message between two offsets; null if it is about something else. */
  @Override
  public @Nullable Link decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if ((type != Rtnetlink.RTM_NEWLINK && type != Rtnetlink.RTM_DELLINK)
        || to - body < Rtnetlink.IFINFO
        || bytes.get(body) != Rtnetlink.AF_UNSPEC) {
      return null;
    }
    forget();
    attributes.over(bytes, body + Rtnetlink.IFINFO, to);
    info.over(bytes, to, to);
    read();
    return link(
        bytes.getInt(body + Rtnetlink.IFINFO_INDEX), bytes.getInt(body + Rtnetlink.IFINFO_FLAGS));
  }

  private void forget() {
    name = "";
    queueing = "";
    alias = null;
    alternatives = null;
    kind = LinkKindReader.PHYSICAL;
    mac = null;
    mtu = 0;
    leastMtu = 0;
    largestMtu = 0;
    master = 0;
    parent = 0;
    parentNamespace = -1;
    group = 0;
    state = 0;
    carrier = 0;
    queueLength = 0;
    transmitQueues = 0;
    receiveQueues = 0;
    promiscuity = 0;
  }

  private void read() {
    while (attributes.advance()) {
      switch (attributes.type()) {
        case Rtnetlink.IFLA_ADDRESS -> mac = mac(attributes);
        case Rtnetlink.IFLA_IFNAME -> name = attributes.text();
        case Rtnetlink.IFLA_MTU -> mtu = attributes.number();
        case Rtnetlink.IFLA_LINK -> parent = attributes.number();
        case Rtnetlink.IFLA_QDISC -> queueing = attributes.text(DISCIPLINES);
        case Rtnetlink.IFLA_MASTER -> master = attributes.number();
        case Rtnetlink.IFLA_TXQLEN -> queueLength = attributes.number();
        case Rtnetlink.IFLA_OPERSTATE -> state = attributes.number();
        case Rtnetlink.IFLA_LINKINFO -> attributes.nested(info);
        case Rtnetlink.IFLA_IFALIAS -> alias = attributes.text();
        case Rtnetlink.IFLA_GROUP -> group = attributes.number();
        case Rtnetlink.IFLA_PROMISCUITY -> promiscuity = attributes.number();
        case Rtnetlink.IFLA_NUM_TX_QUEUES -> transmitQueues = attributes.number();
        case Rtnetlink.IFLA_NUM_RX_QUEUES -> receiveQueues = attributes.number();
        case Rtnetlink.IFLA_CARRIER -> carrier = attributes.number();
        case Rtnetlink.IFLA_LINK_NETNSID -> parentNamespace = attributes.number();
        case Rtnetlink.IFLA_MIN_MTU -> leastMtu = attributes.number();
        case Rtnetlink.IFLA_MAX_MTU -> largestMtu = attributes.number();
        case Rtnetlink.IFLA_PROP_LIST -> alternatives = alternatives(attributes.nested());
        default -> {
          // the kernel says far more than we need
        }
      }
    }
    kind = kinds.read(info, Math.max(0, parent));
  }

  private static @Nullable MacAddress mac(Attributes attributes) {
    if (attributes.length() != MAC) {
      return null;
    }
    long bits = 0;
    for (int i = 0; i < MAC; i++) {
      bits = bits << 8 | attributes.octet(i);
    }
    // Loopback has zeros, and only a unicast address is one that a link can have.
    return MacAddress.isUnicast(bits) ? new MacAddress(bits) : null;
  }

  private static List<String> alternatives(Attributes properties) {
    List<String> names = new ArrayList<>();
    while (properties.advance()) {
      if (properties.type() == Rtnetlink.IFLA_ALT_IFNAME) {
        names.add(properties.text());
      }
    }
    return names;
  }

  private Link link(int index, int flags) {
    return new Link(
        index,
        name,
        alternatives == null ? List.of() : alternatives,
        kind,
        flags,
        state >= 0 && state < STATES.length ? STATES[state] : OperationalState.UNKNOWN,
        Switch.of(carrier),
        mtu,
        leastMtu,
        largestMtu,
        mac == null ? Optional.empty() : Optional.of(mac),
        positive(master),
        positive(parent),
        parentNamespace < 0 ? OptionalInt.empty() : OptionalInt.of(parentNamespace),
        alias == null || alias.isEmpty() ? Optional.empty() : Optional.of(alias),
        group,
        queueLength,
        transmitQueues,
        receiveQueues,
        queueing,
        promiscuity);
  }

  private static OptionalInt positive(int value) {
    return value > 0 ? OptionalInt.of(value) : OptionalInt.empty();
  }
}
