package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** The messages about links. Each says in words what it asks, but only if somebody wants to know. */
final class LinkRequests {
  private static final int LONGEST_NAME = 15; // IFNAMSIZ - 1, linux/if.h

  private LinkRequests() {}

  private static void begin(MessageWriter message, int type, int flags, int index) {
    message.begin(type, flags, Rtnetlink.IFINFO);
    message.header32(Rtnetlink.IFINFO_INDEX, index);
  }

  private static void flags(MessageWriter message, int flags, int mask) {
    message.header32(Rtnetlink.IFINFO_FLAGS, flags);
    message.header32(Rtnetlink.IFINFO_CHANGE, mask);
  }

  /** One link, by a name or alternative name. */
  record ByName(String name) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, Rtnetlink.RTM_GETLINK, 0, 0);
      // Of both attributes IFLA_IFNAME wins, and it also finds short alternative names.
      if (isShort(name)) {
        message.text(Rtnetlink.IFLA_IFNAME, name);
      } else {
        message.text(Rtnetlink.IFLA_ALT_IFNAME, name);
      }
    }

    @Override
    public String toString() {
      return "find link " + Rules.quote(name);
    }
  }

  /** Counts the bytes of UTF-8 without writing them. */
  static boolean isShort(String name) {
    int bytes = 0;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      // Each half of a pair stands for two of its four bytes.
      bytes += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return bytes <= LONGEST_NAME;
  }

  /** One link, by its index. */
  record ByIndex(int index) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, Rtnetlink.RTM_GETLINK, 0, index);
    }

    @Override
    public String toString() {
      return "find link " + index;
    }
  }

  /** All links, or those of a master or a kind. */
  record Dump(int master, String kind) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, Rtnetlink.RTM_GETLINK, NLM_F_DUMP, 0);
      if (master > 0) {
        message.number(Rtnetlink.IFLA_MASTER, master);
      }
      if (!kind.isEmpty()) {
        int info = message.open(Rtnetlink.IFLA_LINKINFO);
        message.text(Rtnetlink.IFLA_INFO_KIND, kind);
        message.close(info);
      }
    }

    @Override
    public String toString() {
      return master > 0
          ? "list ports of link " + master
          : "list links" + (kind.isEmpty() ? "" : " of kind " + Rules.quote(kind));
    }
  }

  /**
   * A new link, and, if the alias is wanted, a second message that sets it: the kernel ignores
   * IFLA_IFALIAS in a creation.
   */
  record Create(LinkSpec spec, OptionalInt index, int flags) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(
          message,
          Rtnetlink.RTM_NEWLINK,
          NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK | flags,
          index.orElse(0));
      writeSpec(message, spec);
      if (spec.alias().isPresent() && index.isPresent()) {
        begin(message, Rtnetlink.RTM_SETLINK, NLM_F_ACK, index.getAsInt());
        alias(message, spec.alias().get());
      }
    }

    @Override
    public String toString() {
      return "add link " + Rules.quote(spec.name());
    }
  }

  /** Without a final zero, which the kernel would count. */
  private static void alias(MessageWriter message, String alias) {
    message.octets(Rtnetlink.IFLA_IFALIAS, alias.getBytes(StandardCharsets.UTF_8));
  }

  private static void writeSpec(MessageWriter message, LinkSpec spec) {
    if (spec.state() == AdminState.UP) {
      flags(message, Rtnetlink.IFF_UP, Rtnetlink.IFF_UP);
    }
    message.text(Rtnetlink.IFLA_IFNAME, spec.name());
    spec.mtu().ifPresent(mtu -> message.number(Rtnetlink.IFLA_MTU, mtu));
    spec.mac().ifPresent(mac -> message.octets(Rtnetlink.IFLA_ADDRESS, mac.octets()));
    spec.master().ifPresent(master -> message.number(Rtnetlink.IFLA_MASTER, master));
    spec.group().ifPresent(group -> message.number(Rtnetlink.IFLA_GROUP, group));
    spec.namespace().ifPresent(ns -> message.number(Rtnetlink.IFLA_NET_NS_FD, ns.fd()));
    LinkKindWriter.write(message, spec.kind());
  }

  /** A change of a link. */
  record Set(int index, LinkChange change) implements Request {
    @Override
    public void write(MessageWriter message) {
      write(message, index, "", change);
    }

    /** By index, or by a present name: then the index is 0. */
    private static void write(MessageWriter message, int index, String present, LinkChange change) {
      begin(message, Rtnetlink.RTM_SETLINK, NLM_F_ACK, index);
      int flags = 0;
      int mask = 0;
      if (change.state().isPresent()) {
        mask |= Rtnetlink.IFF_UP;
        flags |= change.state().get() == AdminState.UP ? Rtnetlink.IFF_UP : 0;
      }
      if (change.promiscuous().isPresent()) {
        mask |= Rtnetlink.IFF_PROMISC;
        flags |= change.promiscuous().get() == Switch.ON ? Rtnetlink.IFF_PROMISC : 0;
      }
      if (mask != 0) {
        flags(message, flags, mask);
      }
      if (!present.isEmpty()) {
        message.text(isShort(present) ? Rtnetlink.IFLA_IFNAME : Rtnetlink.IFLA_ALT_IFNAME, present);
      }
      change.name().ifPresent(name -> message.text(Rtnetlink.IFLA_IFNAME, name));
      change.mtu().ifPresent(mtu -> message.number(Rtnetlink.IFLA_MTU, mtu));
      change.mac().ifPresent(mac -> message.octets(Rtnetlink.IFLA_ADDRESS, mac.octets()));
      change.master().ifPresent(master -> message.number(Rtnetlink.IFLA_MASTER, master));
      change.group().ifPresent(group -> message.number(Rtnetlink.IFLA_GROUP, group));
      change
          .transmitQueueLength()
          .ifPresent(packets -> message.number(Rtnetlink.IFLA_TXQLEN, packets));
      change.alias().ifPresent(alias -> alias(message, alias));
      change.namespace().ifPresent(ns -> message.number(Rtnetlink.IFLA_NET_NS_FD, ns.fd()));
      if (change.addressGeneration().isPresent()) {
        int families = message.open(Rtnetlink.IFLA_AF_SPEC);
        int inet6 = message.open(Rtnetlink.AF_INET6);
        message.octet(Rtnetlink.IFLA_INET6_ADDR_GEN_MODE, Rtnetlink.IN6_ADDR_GEN_MODE_NONE);
        message.close(inet6);
        message.close(families);
      }
    }

    @Override
    public String toString() {
      return "set link " + index;
    }
  }

  /** A change of the link that bears a name. */
  record SetByName(String present, LinkChange change) implements Request {
    @Override
    public void write(MessageWriter message) {
      Set.write(message, 0, present, change);
    }

    @Override
    public String toString() {
      return "set link " + Rules.quote(present);
    }
  }

  /** The end of a link. Must not bear NLM_F_EXCL, whose bit means "bulk" here. */
  record Delete(int index) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, Rtnetlink.RTM_DELLINK, NLM_F_ACK, index);
    }

    @Override
    public String toString() {
      return "delete link " + index;
    }
  }

  /** The end of all links of a group. */
  record DeleteGroup(int group) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, Rtnetlink.RTM_DELLINK, NLM_F_ACK, 0);
      message.number(Rtnetlink.IFLA_GROUP, group);
    }

    @Override
    public String toString() {
      return "delete links of group " + group;
    }
  }

  /** A further name, which comes or goes. */
  record AlternativeName(int index, String name, Switch there) implements Request {
    @Override
    public void write(MessageWriter message) {
      boolean add = there == Switch.ON;
      begin(
          message,
          add ? Rtnetlink.RTM_NEWLINKPROP : Rtnetlink.RTM_DELLINKPROP,
          NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0),
          index);
      int properties = message.open(Rtnetlink.IFLA_PROP_LIST);
      message.text(Rtnetlink.IFLA_ALT_IFNAME, name);
      message.close(properties);
    }

    @Override
    public String toString() {
      return (there == Switch.ON ? "add" : "remove") + " alternative name " + Rules.quote(name)
          + (there == Switch.ON ? " to link " : " from link ") + index;
    }
  }
}
