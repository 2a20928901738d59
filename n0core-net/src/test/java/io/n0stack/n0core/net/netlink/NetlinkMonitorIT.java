package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NetlinkMonitorIT {
  private Netlink netlink;
  private ExecutorService executor;
  private @Nullable NetlinkMonitor monitor;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    executor = Executors.newSingleThreadExecutor();
  }

  @AfterEach
  void close() {
    if (monitor != null) {
      monitor.close();
    }
    executor.shutdownNow();
    netlink.close();
  }

  /** Believes what it is told, and holds itself up if asked to. */
  private static final class Believer implements MonitorListener {
    final Map<Integer, Link> links = new ConcurrentHashMap<>();
    final Map<String, LinkAddress> addresses = new ConcurrentHashMap<>();
    final AtomicInteger overruns = new AtomicInteger();
    final AtomicInteger currents = new AtomicInteger();
    final AtomicInteger contradictions = new AtomicInteger();
    volatile CountDownLatch gate = new CountDownLatch(0);

    @Override
    public void linkChanged(Optional<Link> before, Link after) {
      try {
        gate.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      Link known = links.put(after.index(), after);
      if (!Optional.ofNullable(known).equals(before) || after.equals(known)) {
        contradictions.incrementAndGet();
      }
    }

    @Override
    public void linkRemoved(Link link) {
      if (links.remove(link.index()) == null) {
        contradictions.incrementAndGet();
      }
    }

    @Override
    public void addressChanged(LinkAddress address) {
      addresses.put(address.cidr().toString(), address);
    }

    @Override
    public void addressRemoved(LinkAddress address) {
      addresses.remove(address.cidr().toString());
    }

    @Override
    public void current() {
      currents.incrementAndGet();
    }

    @Override
    public void overrun() {
      overruns.incrementAndGet();
    }
  }

  /** Remembers how a monitor ended, and on which thread it was told. */
  private static final class Mourner implements MonitorListener {
    final CountDownLatch current = new CountDownLatch(1);
    final List<String> told = new CopyOnWriteArrayList<>();

    @Override
    public void current() {
      current.countDown();
    }

    @Override
    public void linkChanged(Optional<Link> before, Link after) {
      told.add(after.name());
    }

    @Override
    public void failed(N0Exception why) {
      told.add("failed: " + why.getMessage());
    }
  }

  @Test
  void executorThatIsShutDownIsTheEndThatIsTold() throws InterruptedException {
    Mourner mourner = new Mourner();
    monitor = NetlinkMonitor.open(MonitorOptions.of(MonitorOptions.Topic.LINKS), mourner, executor);
    assertThat(mourner.current.await(20, TimeUnit.SECONDS)).isTrue();
    executor.shutdown();
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    mourner.told.clear();

    netlink.links().create(LinkSpec.ifb("ifb7"));

    await().atMost(Duration.ofSeconds(20)).until(() -> !mourner.told.isEmpty());
    assertThat(mourner.told).singleElement().asString().contains("the executor takes no calls");
  }

  @Test
  void threadThatCannotBeHadOnceIsTheEndThatIsToldAfterAllElse() throws Exception {
    Mourner mourner = new Mourner();
    AtomicInteger refusals = new AtomicInteger();
    monitor = NetlinkMonitor.open(MonitorOptions.of(MonitorOptions.Topic.LINKS), mourner, call -> {
      if (refusals.getAndDecrement() == 1) {
        throw new OutOfMemoryError("unable to create native thread");
      }
      executor.execute(call);
    });
    assertThat(mourner.current.await(20, TimeUnit.SECONDS)).isTrue();
    // What is added while the calls before have not ended asks the executor for nothing.
    executor.submit(() -> {}).get(20, TimeUnit.SECONDS);
    mourner.told.clear();
    refusals.set(1);

    netlink.links().create(LinkSpec.ifb("ifb7"));

    await().atMost(Duration.ofSeconds(20)).until(() -> mourner.told.size() > 1);
    assertThat(mourner.told.get(0)).isEqualTo("ifb7");
    assertThat(mourner.told.get(1)).contains("unable to create native thread");
  }

  private void awaitTruth(Believer believer) {
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(believer.links)
            .isEqualTo(netlink.links().list().stream()
                .collect(Collectors.toMap(Link::index, Function.identity()))));
    assertThat(believer.contradictions).hasValue(0);
  }

  @Test
  void whatIsThereComesFirstAndThenWhatChanges() {
    Link bridge = netlink.links().create(LinkSpec.bridge("br0"));
    Believer believer = new Believer();
    monitor = NetlinkMonitor.open(MonitorOptions.everything(), believer, executor);
    await().until(() -> believer.currents.get() == 1);
    assertThat(believer.links.get(bridge.index())).isEqualTo(bridge);

    netlink.links().change(bridge.index(), LinkChange.none().withMtu(1400).up());
    netlink.addresses().add(bridge.index(), CidrAddress.parse("10.77.0.1/24"));
    Link port = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));

    awaitTruth(believer);
    await().until(() -> believer.addresses.containsKey("10.77.0.1/24"));

    netlink.links().delete(port.index());
    netlink.addresses().remove(bridge.index(), CidrAddress.parse("10.77.0.1/24"));

    awaitTruth(believer);
    await().until(() -> !believer.addresses.containsKey("10.77.0.1/24"));
    assertThat(believer.overruns).hasValue(0);
  }

  @Test
  void routesThatGoWithTheirLinkAreToldThoughTheKernelDoesNotSayIt() {
    Set<Route> routes = ConcurrentHashMap.newKeySet();
    Set<Neighbour> neighbours = ConcurrentHashMap.newKeySet();
    MonitorListener listener = new MonitorListener() {
      @Override
      public void routeAdded(Route route) {
        routes.add(route);
      }

      @Override
      public void routeRemoved(Route route) {
        assertThat(routes.remove(route)).isTrue();
      }

      @Override
      public void neighbourChanged(Neighbour neighbour) {
        neighbours.add(neighbour);
      }

      @Override
      public void neighbourRemoved(Neighbour neighbour) {
        neighbours.removeIf(one -> one.address().equals(neighbour.address()));
      }
    };
    monitor = NetlinkMonitor.open(MonitorOptions.everything(), listener, executor);
    int port = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").up()).index();
    int peer = netlink.links().find("eth1-peer").orElseThrow().index();
    netlink.links().change(peer, LinkChange.none().up());
    netlink.addresses().add(port, CidrAddress.parse("10.77.0.1/24"));

    await()
        .untilAsserted(() -> assertThat(routes)
            .containsExactlyInAnyOrderElementsOf(netlink.routes().list()));
    assertThat(routes.toString()).contains("10.77.0.0/24");
    netlink
        .neighbours()
        .add(Neighbour.permanent(
            port, CidrAddress.literal("10.77.0.9"), MacAddress.parse("52:54:00:00:00:09")));
    await().until(() -> neighbours.toString().contains("10.77.0.9"));

    netlink.links().change(port, LinkChange.none().down());

    await()
        .untilAsserted(() -> assertThat(routes)
            .containsExactlyInAnyOrderElementsOf(netlink.routes().list()));
    assertThat(routes.toString()).doesNotContain("10.77.0.0/24");
    await().until(() -> !neighbours.toString().contains("10.77.0.9"));
  }

  @Test
  void nothingIsMissedWhenTheKernelHasToDropMessages() {
    Believer believer = new Believer();
    MonitorOptions small = MonitorOptions.of(MonitorOptions.Topic.LINKS).withBuffer(4096);
    Link bridge = netlink.links().create(LinkSpec.bridge("br0"));
    CountDownLatch gate = new CountDownLatch(1);
    believer.gate = gate;
    monitor = NetlinkMonitor.open(small, believer, executor);
    // More than the monitor keeps for a listener that is held up, and more than fits the buffer.
    for (int i = 0; i < 3000; i++) {
      netlink.links().change(bridge.index(), LinkChange.none().withMtu(1000 + i % 500));
    }
    for (int i = 0; i < 20; i++) {
      Link made = netlink.links().create(LinkSpec.ifb("gone" + i));
      Link unusedToo = netlink.links().create(LinkSpec.ifb("stays" + i));
      netlink.links().change(made.index(), LinkChange.none().withGroup(7));
    }
    netlink.links().deleteGroup(7);
    gate.countDown();

    awaitTruth(believer);
    assertThat(believer.overruns.get()).isPositive();
    await()
        .untilAsserted(
            () -> assertThat(believer.currents.get()).isEqualTo(believer.overruns.get() + 1));

    netlink.links().delete(bridge.index());
    awaitTruth(believer);
  }

  @Test
  void changesWhileItBeginsAreNeitherMissedNorToldTwice() {
    for (int round = 0; round < 10; round++) {
      Believer believer = new Believer();
      List<Link> made = new ArrayList<>();
      AtomicReference<Throwable> failed = new AtomicReference<>();
      NetNs here = NetNs.current();
      Thread changer = new Thread(() -> {
        try (Netlink other = Netlink.open(here)) {
          for (int i = 0; i < 30; i++) {
            made.add(other.links().create(LinkSpec.ifb("if" + i).up()));
          }
        } catch (RuntimeException e) {
          failed.set(e);
        }
      });
      changer.start();
      monitor = NetlinkMonitor.open(MonitorOptions.everything(), believer, executor);
      await().until(() -> !changer.isAlive());
      assertThat(failed.get()).isNull();
      awaitTruth(believer);
      monitor.close();
      here.close();
      netlink
          .batch(made.stream()
              .map(link -> Links.changing(link.index(), LinkChange.none().withGroup(9)))
              .toList())
          .forEach(result -> assertThat(result.failure()).isEmpty());
      netlink.links().deleteGroup(9);
    }
  }

  @Test
  void closeEndsTheThreadAtOnceAlsoWhileTheListenerIsHeldUp() {
    Believer believer = new Believer();
    believer.gate = new CountDownLatch(1);
    monitor = NetlinkMonitor.open(MonitorOptions.everything(), believer, executor);
    await().until(() -> threads() == 1); // that of an earlier monitor may just be ending

    monitor.close();
    monitor.close();

    await().atMost(Duration.ofMinutes(1)).until(() -> threads() == 0);
    believer.gate.countDown();
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("n0core-netlink-monitor"))
        .count();
  }

  @Test
  void anotherNamespaceIsHeardWithoutBeingThere() {
    Believer believer = new Believer();
    try (NetNs other = NetNs.create();
        Netlink there = Netlink.open(other)) {
      monitor = NetlinkMonitor.open(MonitorOptions.everything().in(other), believer, executor);
      Link bridge = there.links().create(LinkSpec.bridge("br0"));

      await().until(() -> believer.links.containsKey(bridge.index()));

      assertThat(netlink.links().find("br0")).isEmpty();
    }
  }
}
