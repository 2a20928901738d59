package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.netlink.Rtnetlink.NLMSG_HEADER;

import io.n0stack.n0core.api.network.MacAddress;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** Reads RTM_NEWLINK. Unknown attributes are skipped; impossible lengths end the reading. */
final class LinkDecoder {
  private static final HexFormat COLONS = HexFormat.ofDelimiter(":");
  private static final int MAC = 6;

  private String name = "";
  private String kind = "";
  private String alias = "";
  private int mtu;
  private int master;
  private int link;
  private int tunType;
  private boolean persistent;
  private OptionalLong owner = OptionalLong.empty();
  private Optional<MacAddress> mac = Optional.empty();

  private LinkDecoder() {}

  /**
   * Decodes the message between two offsets.
   *
   * @return the link, empty if the message is about something else or is cut short
   */
  static Optional<Link> decode(ByteBuffer bytes, int from, int to) {
    int body = from + NLMSG_HEADER;
    if (Short.toUnsignedInt(bytes.getShort(from + 4)) != Rtnetlink.RTM_NEWLINK
        || to - body < Rtnetlink.IFINFO) {
      return Optional.empty();
    }
    LinkDecoder decoder = new LinkDecoder();
    decoder.read(new Attributes(bytes, body + Rtnetlink.IFINFO, to));
    return Optional.of(decoder.link(bytes.getInt(body + 4), bytes.getInt(body + 8)));
  }

  private void read(Attributes attributes) {
    while (attributes.advance()) {
      switch (attributes.type()) {
        case Rtnetlink.IFLA_ADDRESS -> mac = mac(attributes);
        case Rtnetlink.IFLA_IFNAME -> name = attributes.text();
        case Rtnetlink.IFLA_MTU -> mtu = attributes.number();
        case Rtnetlink.IFLA_LINK -> link = attributes.number();
        case Rtnetlink.IFLA_MASTER -> master = attributes.number();
        case Rtnetlink.IFLA_IFALIAS -> alias = attributes.text();
        case Rtnetlink.IFLA_LINKINFO -> readInfo(attributes.nested());
        default -> {
          // the kernel says far more than we need
        }
      }
    }
  }

  private void readInfo(Attributes info) {
    while (info.advance()) {
      if (info.type() == Rtnetlink.IFLA_INFO_KIND) {
        kind = info.text();
      } else if (info.type() == Rtnetlink.IFLA_INFO_DATA && kind.equals("tun")) {
        readTun(info.nested());
      }
    }
  }

  private void readTun(Attributes data) {
    while (data.advance()) {
      switch (data.type()) {
        case Rtnetlink.IFLA_TUN_OWNER ->
          owner = OptionalLong.of(Integer.toUnsignedLong(data.number()));
        case Rtnetlink.IFLA_TUN_TYPE -> tunType = data.number();
        case Rtnetlink.IFLA_TUN_PERSIST -> persistent = data.number() != 0;
        default -> {
          // queues and headers are the opener's business
        }
      }
    }
  }

  private static Optional<MacAddress> mac(Attributes attributes) {
    if (attributes.length() != MAC) {
      return Optional.empty();
    }
    byte[] octets = attributes.octets();
    boolean zero = true;
    for (byte octet : octets) {
      zero &= octet == 0;
    }
    // Loopback has zeros, and only a unicast address is one that a link can have.
    return zero || (octets[0] & 1) != 0
        ? Optional.empty()
        : Optional.of(new MacAddress(COLONS.formatHex(octets)));
  }

  private Link link(int index, int flags) {
    LinkAttributes attributes = new LinkAttributes(
        index,
        name,
        (flags & Rtnetlink.IFF_UP) != 0 ? AdminState.UP : AdminState.DOWN,
        (flags & Rtnetlink.IFF_LOOPBACK) != 0,
        mtu,
        mac,
        positive(master),
        alias.isEmpty() ? Optional.empty() : Optional.of(alias));
    return switch (kind) {
      case "bridge" -> new Link.Bridge(attributes);
      case "veth" -> new Link.Veth(attributes, positive(link));
      case "ifb" -> new Link.Ifb(attributes);
      case "tun" -> tunType == Rtnetlink.IFF_TAP ? tap(attributes) : other(attributes);
      default -> other(attributes);
    };
  }

  private Link tap(LinkAttributes attributes) {
    return new Link.Tap(
        attributes, owner, persistent ? Link.Lifetime.PERSISTENT : Link.Lifetime.TRANSIENT);
  }

  private Link other(LinkAttributes attributes) {
    return new Link.Other(attributes, kind);
  }

  private static OptionalInt positive(int value) {
    return value > 0 ? OptionalInt.of(value) : OptionalInt.empty();
  }
}
