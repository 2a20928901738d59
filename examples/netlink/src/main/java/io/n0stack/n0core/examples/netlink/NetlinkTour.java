package io.n0stack.n0core.examples.netlink;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.netlink.BatchResult;
import io.n0stack.n0core.net.netlink.BridgePortChange;
import io.n0stack.n0core.net.netlink.BridgePortChange.Flag;
import io.n0stack.n0core.net.netlink.Change;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Links;
import io.n0stack.n0core.net.netlink.MonitorListener;
import io.n0stack.n0core.net.netlink.MonitorOptions;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.NetlinkException;
import io.n0stack.n0core.net.netlink.NetlinkMonitor;
import io.n0stack.n0core.net.netlink.Switch;
import io.n0stack.n0core.net.nft.Firewall;
import io.n0stack.n0core.net.nft.Nft;
import io.n0stack.n0core.net.nft.PortGuard;
import io.n0stack.n0core.net.nft.SourceNat;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.net.tap.TapSpec;
import java.io.PrintStream;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;

/** What the tutorial shows. All of it happens in network namespaces of its own, which go with it. */
public final class NetlinkTour {
  private final PrintStream out;

  private NetlinkTour(PrintStream out) {
    this.out = out;
  }

  /** Takes the tour; needs root. */
  public static void main(String[] args) throws InterruptedException {
    new NetlinkTour(System.out).take();
  }

  private void take() throws InterruptedException {
    // begin open
    try (NetNs host = NetNs.create();
        NetNs guest = NetNs.create();
        Netlink netlink = Netlink.open(host)) {
      for (Link link : netlink.links().list()) {
        out.println("at first there is " + link.name());
      }
      // end open
      Link bridge = makeBridge(netlink);
      plugIn(netlink, bridge, guest);
      reach(guest);
      refuse(netlink, bridge);
      deleteMany(netlink, bridge);
      listen(netlink, host, bridge);
      openTap(netlink, host, bridge);
      holdGuest(netlink, host);
    }
  }

  private Link makeBridge(Netlink netlink) {
    // begin bridge
    Link bridge = netlink.links().create(LinkSpec.bridge("br0").withMtu(1400).up());
    netlink.addresses().add(bridge.index(), CidrAddress.parse("10.77.0.1/24"));
    out.println(
        bridge.name() + " is a " + bridge.kind().kernelName() + " with MTU " + bridge.mtu());
    // end bridge
    return bridge;
  }

  private void plugIn(Netlink netlink, Link bridge, NetNs guest) {
    // begin veth
    LinkKind cable = new LinkKind.Veth(Optional.of("eth0"), Optional.of(guest));
    Link port = netlink
        .links()
        .create(LinkSpec.of("port1", cable).withMaster(bridge.index()).up());
    netlink
        .bridges()
        .changePort(port.index(), BridgePortChange.none().with(Flag.ISOLATED, Switch.ON));
    try (Netlink inGuest = Netlink.open(guest)) {
      Link eth0 = inGuest.links().find("eth0").orElseThrow();
      inGuest.addresses().add(eth0.index(), CidrAddress.parse("10.77.0.2/24"));
      inGuest.links().change(eth0.index(), LinkChange.none().up());
    }
    out.println(
        "isolated: " + netlink.bridges().port(port.index()).orElseThrow().isolated());
    // end veth
  }

  private void reach(NetNs guest) {
    // begin call
    InetAddress gateway = CidrAddress.literal("10.77.0.1");
    boolean reachable = guest.call(() -> gateway.isReachable(5000));
    out.println("the guest reaches the bridge: " + reachable);
    // end call
  }

  private void refuse(Netlink netlink, Link bridge) {
    // begin refusal
    try {
      netlink.links().change(bridge.index(), LinkChange.none().withMtu(67));
    } catch (NetlinkException e) {
      out.println(e.getMessage());
    }
    // end refusal
  }

  private void deleteMany(Netlink netlink, Link bridge) {
    // begin batch
    List<Change> changes = IntStream.range(0, 100)
        .mapToObj(i -> LinkSpec.veth("a" + i, "b" + i).withGroup(7).withMaster(bridge.index()))
        .map(Links::creating)
        .toList();
    List<BatchResult> results = netlink.batch(changes);
    out.println(results.stream().filter(result -> result.failure().isEmpty()).count() + " made, "
        + netlink.links().portsOf(bridge.index()).size() + " ports");
    netlink.links().deleteGroup(7);
    out.println(netlink.links().portsOf(bridge.index()).size() + " port is left");
    // end batch
  }

  private void listen(Netlink netlink, NetNs host, Link bridge) throws InterruptedException {
    // begin monitor
    CountDownLatch current = new CountDownLatch(1);
    CountDownLatch heard = new CountDownLatch(1);
    MonitorListener listener = new MonitorListener() {
      @Override
      public void current() {
        current.countDown();
      }

      @Override
      public void linkChanged(Optional<Link> before, Link after) {
        if (after.index() == bridge.index() && after.mtu() == 1300) {
          out.println("heard that the MTU was " + before.map(Link::mtu).orElse(0));
          heard.countDown();
        }
      }
    };
    MonitorOptions links = MonitorOptions.of(MonitorOptions.Topic.LINKS).in(host);
    NetlinkMonitor monitor = NetlinkMonitor.open(links, listener, Runnable::run);
    try (monitor) {
      current.await();
      netlink.links().change(bridge.index(), LinkChange.none().withMtu(1300));
      heard.await();
    }
    // end monitor
  }

  private void openTap(Netlink netlink, NetNs host, Link bridge) {
    // begin tap
    TapSpec spec = TapSpec.named("tap0").withQueues(2).withVnetHeader().withOwner(1000);
    Tap tap = host.call(() -> Tap.create(spec));
    Link link = netlink.links().find("tap0").orElseThrow();
    netlink
        .links()
        .change(link.index(), LinkChange.none().withMaster(bridge.index()).up());
    out.println("a process has " + tap.name() + " open: carrier "
        + netlink.links().find("tap0").orElseThrow().carrier());
    tap.close();
    out.println("closed, it is there: " + netlink.links().find("tap0").isPresent());
    // end tap
  }

  private void holdGuest(Netlink netlink, NetNs host) {
    // begin limit
    Link port = netlink.links().find("port1").orElseThrow();
    netlink.rateLimits().limitEgress(port.index(), 80_000_000, 100_000);
    out.println("the guest is sent at most "
        + netlink.rateLimits().read(port.index()).egress().orElseThrow().bitsPerSecond()
        + " bit/s");
    // end limit
    // begin firewall
    MacAddress mac = MacAddress.parse("52:54:00:00:00:02");
    List<CidrAddress> addresses = List.of(CidrAddress.parse("10.77.0.2/32"));
    List<CidrAddress> network = List.of(CidrAddress.parse("10.77.0.1/24"));
    try (Nft nft = Nft.open(host)) {
      Firewall firewall = Firewall.of(nft, "tour", "the tour's");
      firewall.guard("port1", PortGuard.strict("guest 1", mac, addresses));
      firewall.masquerade(SourceNat.masquerade("lan", network, "br0"));
      out.println(
          "guarded: " + firewall.ports().size() + ", translated: " + firewall.masquerades());
    }
    // end firewall
  }
}
