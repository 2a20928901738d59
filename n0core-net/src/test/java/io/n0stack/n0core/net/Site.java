package io.n0stack.n0core.net;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.Route;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** A host or a guest: a network namespace of its own, in which programs are run. */
final class Site implements AutoCloseable {
  private final NetNs namespace = NetNs.create();
  private final Netlink netlink = Netlink.open(namespace);

  NetNs namespace() {
    return namespace;
  }

  Netlink netlink() {
    return netlink;
  }

  /** Lays a cable from a link of this site to one of another. */
  void cable(String name, Site other, String otherName) {
    LinkKind.Veth kind = new LinkKind.Veth(Optional.of(otherName), Optional.of(other.namespace));
    Link end = netlink.links().create(LinkSpec.of(name, kind));
    netlink.links().change(end.index(), LinkChange.none().up());
    other.up(otherName);
  }

  /** Plugs a guest into a bridge of this site. */
  void plug(String bridge, Site guest, MacAddress mac) {
    String name = "to-" + Integer.toHexString(System.identityHashCode(guest));
    guest.cable("eth0", this, name);
    guest.netlink.links().change(guest.link("eth0").index(), LinkChange.none().withMac(mac));
    netlink
        .links()
        .change(link(name).index(), LinkChange.none().withMaster(link(bridge).index()));
  }

  Link link(String name) {
    return netlink.links().find(name).orElseThrow();
  }

  void up(String name) {
    netlink.links().change(link(name).index(), LinkChange.none().up());
  }

  Site address(String link, String cidr) {
    netlink.addresses().add(link(link).index(), CidrAddress.parse(cidr));
    return this;
  }

  void defaultRoute(String via) {
    boolean ipv6 = via.contains(":");
    netlink
        .routes()
        .add(Route.to(CidrAddress.parse(ipv6 ? "::/0" : "0.0.0.0/0"))
            .via(CidrAddress.literal(via))
            .build());
  }

  /** What a program said. */
  record Said(int status, String text) {}

  Said run(String... command) {
    try {
      // A thread that waits for processes begins in the namespace of the first that is started.
      Process process = namespace.call(
          () -> new ProcessBuilder(List.of(command)).redirectErrorStream(true).start());
      process.getOutputStream().close();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Said(process.waitFor(), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  boolean reaches(String address) {
    return run("ping", "-c", "1", "-W", "1", address).status() == 0;
  }

  @Override
  public void close() {
    netlink.close();
    namespace.close();
  }
}
