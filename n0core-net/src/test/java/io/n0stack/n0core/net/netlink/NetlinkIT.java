package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.internal.NetlinkSocket;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NetlinkIT {
  private Netlink netlink;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static void assertCode(Runnable call, N0Exception.Code code, String text) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);
  }

  @Test
  void findIsEmptyForAnUnknownNameAndIndex() {
    assertThat(netlink.links().find("br0")).isEmpty();
    assertThat(netlink.links().find(4711)).isEmpty();
    assertThat(netlink.links().list()).extracting(Link::name).containsExactly("lo");
  }

  @Test
  void createSetsEverythingInOneMessage() {
    Link bridge = netlink.links().create(LinkSpec.bridge("br0").up());
    MacAddress mac = MacAddress.parse("52:54:00:12:34:56");

    Link made = netlink
        .links()
        .create(LinkSpec.ifb("ifb7")
            .withMtu(1400)
            .withMac(mac)
            .withMaster(bridge.index())
            .withAlias("n0core: ä")
            .up());

    assertThat(made.kind()).isEqualTo(new LinkKind.Ifb());
    assertThat(made).isEqualTo(netlink.links().find("ifb7").orElseThrow());
    assertThat(made.mtu()).isEqualTo(1400);
    assertThat(made.mac()).contains(mac);
    assertThat(made.master()).hasValue(bridge.index());
    assertThat(made.alias()).contains("n0core: ä");
    assertThat(made.up()).isTrue();
  }

  @Test
  void createWithAnAliasLeavesTheLinkThatHasTheNameAlone() {
    Link before = netlink.links().create(LinkSpec.bridge("br0").withAlias("mine"));

    assertCode(
        () -> netlink.links().create(LinkSpec.bridge("br0").withAlias("yours")),
        N0Exception.Code.ALREADY_EXISTS,
        "EEXIST");

    assertThat(netlink.links().find("br0")).contains(before);
    assertThat(netlink.links().list()).hasSize(2);
  }

  @Test
  void kernelsOwnWordsAreInTheException() {
    assertThatThrownBy(
            () -> netlink.links().create(LinkSpec.of("x0", new LinkKind.Other("nosuchkind", ""))))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.errnoName()).isEqualTo("EOPNOTSUPP");
          assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED);
          assertThat(e.kernelMessage()).contains("Unknown device type");
        })
        .hasMessageStartingWith("add link \"x0\": ")
        .hasMessageContaining("Unknown device type");
  }

  @Test
  void vethIsAPairAndGoesAsOne() {
    Link one = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));
    Link peer = netlink.links().find("eth1-peer").orElseThrow();
    assertThat(one.parent()).hasValue(peer.index());

    netlink.links().delete(peer.index());

    assertThat(netlink.links().find("eth1")).isEmpty();
    assertCode(() -> netlink.links().delete(one.index()), N0Exception.Code.NOT_FOUND, "ENODEV");
  }

  @Test
  void setChangesWhatItNamesAndNothingElse() {
    Link bridge = netlink.links().create(LinkSpec.bridge("br0"));
    Link port = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").withAlias("uplink"));

    netlink
        .links()
        .change(
            port.index(),
            LinkChange.none().withMaster(bridge.index()).withMtu(1280).up());
    Link changed = netlink.links().find(port.index()).orElseThrow();
    netlink
        .links()
        .change(port.index(), LinkChange.none().withoutMaster().down().withAlias(""));

    assertThat(changed.master()).hasValue(bridge.index());
    assertThat(changed.mtu()).isEqualTo(1280);
    assertThat(changed.up()).isTrue();
    assertThat(changed.alias()).contains("uplink");
    Link after = netlink.links().find(port.index()).orElseThrow();
    assertThat(after.master()).isEmpty();
    assertThat(after.alias()).isEmpty();
    assertThat(after.mtu()).isEqualTo(1280);
    assertThat(after.up()).isFalse();
  }

  @Test
  void linkThatComesUpWithoutGeneratedAddressesHasNone() {
    LinkChange change = LinkChange.none().withoutGeneratedAddresses().up();
    int first = netlink.links().create(LinkSpec.ifb("ifb0")).index();
    int second = netlink.links().create(LinkSpec.ifb("ifb1")).index();

    netlink.links().change(first, change);
    netlink.links().change("ifb1", change);

    assertThat(netlink.links().find(first).orElseThrow().up()).isTrue();
    assertThat(netlink.links().find(second).orElseThrow().up()).isTrue();
    assertThat(netlink.addresses().of(first)).isEmpty();
    assertThat(netlink.addresses().of(second)).isEmpty();
  }

  @Test
  void addressesAreAddedListedAndRemoved() {
    int index = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    netlink.links().change(index, LinkChange.none().withoutGeneratedAddresses());
    CidrAddress four = CidrAddress.parse("10.77.0.1/24");
    CidrAddress six = CidrAddress.parse("fd00::1/64");

    netlink.addresses().add(index, four);
    netlink.addresses().add(index, six);

    assertThat(netlink.addresses().of(index)).extracting(LinkAddress::cidr).contains(four, six);
    assertThat(netlink.addresses().of(index))
        .allMatch(a -> a.origin() == LinkAddress.Origin.PERMANENT);
    assertCode(
        () -> netlink.addresses().add(index, four), N0Exception.Code.ALREADY_EXISTS, "EEXIST");
    netlink.addresses().remove(index, four);
    netlink.addresses().remove(index, six);
    assertThat(netlink.addresses().of(index))
        .extracting(LinkAddress::cidr)
        .doesNotContain(four, six);
    assertCode(
        () -> netlink.addresses().remove(index, four), N0Exception.Code.NOT_FOUND, "10.77.0.1/24");
  }

  @Test
  void threeHundredLinksAreListedWhileOthersComeAndGo() throws InterruptedException {
    Set<String> names = new HashSet<>();
    for (int i = 0; i < 300; i++) {
      names.add(netlink.links().create(LinkSpec.ifb("if" + i)).name());
    }
    CountDownLatch stop = new CountDownLatch(1);
    AtomicReference<Throwable> failed = new AtomicReference<>();
    Thread churn = new Thread(() -> {
      try (Netlink other = Netlink.open()) {
        while (stop.getCount() > 0) {
          other
              .links()
              .delete(other
                  .links()
                  .create(LinkSpec.of("churn", new LinkKind.Other("ifb", "")))
                  .index());
        }
      } catch (N0Exception e) {
        failed.set(e);
      }
    });
    churn.start();

    for (int i = 0; i < 20; i++) {
      assertThat(netlink.links().list())
          .extracting(Link::name)
          .containsAll(names)
          .doesNotHaveDuplicates();
    }

    stop.countDown();
    churn.join();
    assertThat(failed.get()).isNull();
  }

  @Test
  void ensureMakesABridgeAndAttachesTheLink() {
    Link eth1 = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));

    BridgeAttachment made = netlink.bridges().ensure("br0", "eth1");

    assertThat(netlink.bridges().ensure("br0", "eth1")).isEqualTo(made);
    assertThat(made.linkIndex()).isEqualTo(eth1.index());
    assertThat(netlink.links().find("br0").orElseThrow())
        .matches(bridge -> bridge.kind() instanceof LinkKind.Bridge)
        .matches(Link::up)
        .matches(bridge -> bridge.index() == made.bridgeIndex());
    assertThat(netlink.links().find("eth1").orElseThrow())
        .matches(Link::up)
        .matches(link -> link.master().orElse(0) == made.bridgeIndex());
  }

  @Test
  void ensureFromEightThreadsMakesOneBridge() {
    for (int round = 0; round < 10; round++) {
      String bridge = "br" + round;
      netlink.links().create(LinkSpec.veth("a" + round, "b" + round));
      String link = "a" + round;
      Set<BridgeAttachment> made = ConcurrentHashMap.newKeySet();
      Set<Throwable> failed = ConcurrentHashMap.newKeySet();
      Thread[] threads = new Thread[8];
      for (int i = 0; i < threads.length; i++) {
        threads[i] = new Thread(() -> {
          try (Netlink mine = Netlink.open()) {
            made.add(mine.bridges().ensure(bridge, link));
          } catch (N0Exception e) {
            failed.add(e);
          }
        });
        threads[i].start();
      }
      for (Thread thread : threads) {
        await().until(() -> !thread.isAlive());
      }
      assertThat(failed).isEmpty();
      assertThat(made).hasSize(1);
    }
  }

  @Test
  void ensureRefusesBeforeItChangesAnything() {
    netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));
    netlink.links().create(LinkSpec.ifb("notbridge"));
    netlink.bridges().ensure("br0", "eth1");
    int links = netlink.links().list().size();
    Bridges bridges = netlink.bridges();

    assertCode(() -> bridges.ensure("br9", "eth9"), N0Exception.Code.NOT_FOUND, "eth9");
    assertCode(
        () -> bridges.ensure("notbridge", "eth1"), N0Exception.Code.ALREADY_EXISTS, "notbridge");
    assertCode(() -> bridges.ensure("br9", "eth1"), N0Exception.Code.PRECONDITION, "br0");
    assertThat(netlink.links().list()).hasSize(links);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a/b", "", "a\nb", "a b", "t%d", "."})
  void impossibleNamesAreRefusedWithoutAskingTheKernel(String name) {
    N0Exception.Code code = N0Exception.Code.INVALID;

    assertCode(() -> netlink.links().find(name), code, "name");
    assertCode(() -> netlink.links().create(LinkSpec.bridge(name)), code, "name");
    assertCode(() -> netlink.bridges().ensure(name, "lo"), code, "bridge");
  }

  @Test
  void nameOfSixteenBytesIsNoneToCreateButOneToFind() {
    String name = "0123456789abcdef";

    assertCode(() -> LinkSpec.bridge(name), N0Exception.Code.INVALID, "name");
    assertThat(netlink.links().find(name)).isEmpty();

    int bridge = netlink.links().create(LinkSpec.bridge("br0")).index();
    netlink.links().addAlternativeName(bridge, name);

    assertThat(netlink.links().find(name)).map(Link::index).contains(bridge);
    assertThat(netlink.links().find(bridge).orElseThrow().alternativeNames()).containsExactly(name);
    netlink.links().removeAlternativeName(bridge, name);
    assertThat(netlink.links().find(name)).isEmpty();
  }

  @Test
  void nameOfFewLettersAndManyBytesIsNoneToCreateButOneToFind() {
    String name = "橋".repeat(10);
    int bridge = netlink.links().create(LinkSpec.bridge("br0")).index();

    netlink.links().addAlternativeName(bridge, name);

    assertCode(() -> LinkSpec.bridge(name), N0Exception.Code.INVALID, "name");
    assertThat(netlink.links().find(name)).map(Link::index).contains(bridge);
  }

  @Test
  void closeWakesTheThreadThatWaits() {
    NetlinkSocket socket = NetlinkSocket.open(Wire.NETLINK_ROUTE);
    CompletableFuture<Integer> waiting = new CompletableFuture<>();
    Thread reader = new Thread(() -> {
      try {
        waiting.complete(
            socket.receive("wait", System.nanoTime() + Duration.ofMinutes(5).toNanos()));
      } catch (N0Exception e) {
        waiting.completeExceptionally(e);
      }
    });
    reader.start();
    await().until(() -> reader.getState() == Thread.State.RUNNABLE);

    socket.close();

    assertThatThrownBy(waiting::join)
        .isInstanceOf(CompletionException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void interruptedThreadBeginsNothingAndKeepsItsFlag() {
    Thread.currentThread().interrupt();

    assertCode(
        () -> netlink.links().create(LinkSpec.bridge("br0")), N0Exception.Code.CANCELLED, "br0");

    assertThat(Thread.interrupted()).isTrue();
    assertThat(netlink.links().find("br0")).isEmpty();
  }
}
