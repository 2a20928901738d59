package io.n0stack.n0core.tck.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.agent.Phase;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.storage.VolumeSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class SimulationTest {
  private static final Duration LIMIT = Duration.ofMinutes(30);
  private static final Bundle BUNDLE = Bundle.empty()
      .with("network", "lan", NetworkSpec.Flat.isolated())
      .with("port", "eth0", PortSpec.on("lan"))
      .with("volume", "root", VolumeSpec.empty(1 << 30))
      .with("machine", "web1", MachineSpec.of(1, 1 << 30, "root", "eth0"));

  private static AgentOptions tick(Duration tick) {
    return AgentOptions.defaults().withTick(tick);
  }

  private static void slowDown(SimHost host, Duration stepTime) {
    List<SimDriver.Kind<?, ?>> slow = new ArrayList<>();
    SimDriver.usual().forEach(kind -> slow.add(kind.withStepTime(stepTime)));
    host.drive(slow);
  }

  /** What an agent of a node does: joins, makes its machine, and works until it is killed. */
  private static void node(SimProcess process) {
    SimMembership membership = process.host().simulation().network().membership(process);
    Agent agent = process.openAgent(tick(Duration.ofMinutes(5)));
    agent.recovery();
    membership.join();
    try {
      agent.apply(BUNDLE);
    } catch (N0Exception e) {
      // the agent tries again by itself
    }
    process.runUntilCrash();
  }

  @Test
  void timePassesOnlyWhereNothingHappens() {
    try (Simulation simulation = new Simulation(1)) {
      List<String> order = new ArrayList<>();
      simulation.at(Duration.ofSeconds(2), () -> order.add("two at " + simulation.now()));
      simulation.at(Duration.ofSeconds(1), () -> order.add("one at " + simulation.now()));
      simulation.at(Duration.ofHours(1), () -> order.add("never"));

      simulation.advance(Duration.ofMinutes(1));

      assertThat(order).containsExactly("one at PT1S", "two at PT2S");
      assertThat(simulation.now()).isEqualTo(Duration.ofMinutes(1));
    }
  }

  @Test
  void whatFailsInTheSimulationFailsWhoRunsIt() {
    try (Simulation simulation = new Simulation(1)) {
      simulation.at(Duration.ofSeconds(1), () -> {
        throw new IllegalArgumentException("broken");
      });
      assertThatExceptionOfType(IllegalStateException.class)
          .isThrownBy(() -> simulation.advance(Duration.ofMinutes(1)))
          .withRootCauseInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void anAgentCrashesInTheMiddleAndItsSuccessorFinishes() {
    try (Simulation simulation = new Simulation(1)) {
      SimHost host = simulation.host("node-1");
      slowDown(host, Duration.ofSeconds(2));
      SimProcess first = host.start(SimulationTest::node);
      assertThat(simulation.runUntil(() -> host.thing("volume", "root").isPresent(), LIMIT))
          .isTrue();
      host.crash();
      simulation.advance(Duration.ofMinutes(1));
      assertThat(host.thing("machine", "web1")).isEmpty();

      host.start(SimulationTest::node);
      simulation.advance(Duration.ofMinutes(1));

      assertThat(first.dead()).isTrue();
      assertThat(host.thing("machine", "web1"))
          .hasValueSatisfying(web -> assertThat(web.complete()).isTrue());
      assertThat(host.thing("volume", "root")).map(SimThing::incarnation).contains(3);
      assertThat(host.violations()).isEmpty();
    }
  }

  @Test
  void limitsAndCancellationsReachADriverInVirtualTime() {
    try (Simulation simulation = new Simulation(1)) {
      SimHost host = simulation.host("node-1");
      slowDown(host, Duration.ofHours(1));
      List<String> ends = new ArrayList<>();
      host.start(process -> {
        Agent agent = process.openAgent(tick(Duration.ofHours(1)));
        Operation<ResourceId> late = agent.apply("volume", "late", VolumeSpec.empty(512));
        Operation<ResourceId> cancelled = agent.apply("volume", "c1", VolumeSpec.empty(512));
        simulation.at(Duration.ofMinutes(1), () -> cancelled.cancel("changed my mind"));
        ends.add(end(cancelled) + " after " + simulation.now().toMinutes());
        ends.add(end(late) + " after " + simulation.now().toMinutes());
      });
      simulation.advance(Duration.ofMinutes(30));
      assertThat(ends).containsExactly("CANCELLED after 1", "TIMEOUT after 10");
    }
  }

  private static String end(Operation<ResourceId> operation) {
    try {
      return operation.await(LIMIT).toString();
    } catch (OperationTimeoutException e) {
      return "TIMEOUT";
    } catch (N0Exception e) {
      return e.code().name();
    }
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    assertThat(busyRun(7)).isEqualTo(busyRun(7)).isNotEqualTo(busyRun(8));
  }

  private static long busyRun(long seed) {
    try (Simulation simulation = new Simulation(seed)) {
      for (int i = 0; i < 20; i++) {
        SimHost host = simulation.host("node-" + i);
        slowDown(host, Duration.ofMillis(1 + simulation.random().nextInt(3000)));
        host.start(SimulationTest::node);
      }
      for (int i = 0; i < 60; i++) {
        simulation.advance(Duration.ofMillis(simulation.random().nextInt(5000)));
        SimHost host = simulation.host("node-" + simulation.random().nextInt(20));
        host.crash();
        host.start(SimulationTest::node);
      }
      simulation.advance(Duration.ofHours(1));
      return simulation.traceHash();
    }
  }

  @Test
  void aThousandHostsKeepThePromiseThroughCrashesAndPartitions() {
    long seed = Long.getLong("n0core.seed", 42);
    int hosts = 1000;
    try (Simulation simulation = new Simulation(seed)) {
      AtomicInteger seen = watchFrom(simulation);
      for (SimHost host : hosts(simulation, hosts)) {
        slowDown(host, Duration.ofMillis(100 + simulation.random().nextInt(2000)));
        host.start(SimulationTest::node);
      }
      simulation.advance(Duration.ofMinutes(1));
      int crashes = trouble(simulation, hosts);

      simulation.network().heal();
      simulation.advance(Duration.ofMinutes(20));

      assertThat(seen.get()).as("members that the API sees, with itself").isEqualTo(hosts + 1);
      for (SimHost host : hosts(simulation, hosts)) {
        assertThat(host.violations()).as(host.name() + ", seed " + seed).isEmpty();
        assertThat(host.things())
            .as(host.name() + ", seed " + seed)
            .hasSize(4)
            .allMatch(SimThing::complete)
            .allMatch(thing -> thing.starts() == 1);
      }
      requireThatPartitionsTouchNothing(simulation, hosts, seen);
      System.out.printf(
          "%d hosts, %d crashes, %s of virtual time, seed %d: no violation%n",
          hosts, crashes, simulation.now(), seed);
    }
  }

  private static List<SimHost> hosts(Simulation simulation, int count) {
    return IntStream.range(0, count).mapToObj(i -> simulation.host("node-" + i)).toList();
  }

  private static AtomicInteger watchFrom(Simulation simulation) {
    AtomicInteger seen = new AtomicInteger();
    simulation.host("api").start(process -> {
      SimMembership membership = simulation.network().membership(process);
      membership.subscribe(process::execute, members -> seen.set(members.size()));
      membership.join();
      process.runUntilCrash();
    });
    return seen;
  }

  private static int trouble(Simulation simulation, int hosts) {
    Random random = simulation.random();
    int crashes = 0;
    for (int i = 0; i < 40; i++) {
      for (int j = 0; j < 25; j++) {
        SimHost host = simulation.host("node-" + random.nextInt(hosts));
        if (host.running()) {
          host.crash();
          crashes++;
          simulation.at(Duration.ofMillis(random.nextInt(60_000)), () -> {
            if (!host.running()) {
              host.start(SimulationTest::node);
            }
          });
        }
      }
      if (i % 5 == 0) {
        simulation.network().partition(some(random, hosts));
      } else if (i % 5 == 3) {
        simulation.network().heal();
      }
      simulation.advance(Duration.ofMillis(random.nextInt(30_000)));
    }
    return crashes;
  }

  private static Set<String> some(Random random, int hosts) {
    Set<String> names = new HashSet<>();
    for (int i = 0; i < hosts / 20; i++) {
      names.add("node-" + random.nextInt(hosts));
    }
    return names;
  }

  private static void requireThatPartitionsTouchNothing(
      Simulation simulation, int hosts, AtomicInteger seen) {
    int before = hosts(simulation, hosts).stream().mapToInt(SimHost::calls).sum();
    simulation.network().partition(some(simulation.random(), hosts));
    simulation.advance(Duration.ofMinutes(30));
    assertThat(seen.get()).as("members seen in a partition").isLessThan(hosts);
    assertThat(hosts(simulation, hosts).stream().mapToInt(SimHost::calls).sum())
        .as("calls of drivers in and after a partition")
        .isEqualTo(before);
  }

  @Test
  void aMemberThatIsCutOffIsMissedAndSeenAgain() {
    try (Simulation simulation = new Simulation(1)) {
      List<Set<String>> views = new ArrayList<>();
      simulation.host("api").start(process -> {
        SimMembership membership = simulation.network().membership(process);
        membership.subscribe(
            process::execute,
            members -> views.add(members.stream().map(Member::name).collect(Collectors.toSet())));
        membership.join();
        process.runUntilCrash();
      });
      SimHost node = simulation.host("node-1");
      node.start(SimulationTest::node);
      simulation.advance(Duration.ofSeconds(10));
      simulation.network().cut("node-1", "api");
      simulation.advance(Duration.ofSeconds(10));
      simulation.network().heal();
      simulation.advance(Duration.ofSeconds(10));
      node.crash();
      simulation.advance(Duration.ofSeconds(10));

      assertThat(views)
          .endsWith(Set.of("api", "node-1"), Set.of("api"), Set.of("api", "node-1"), Set.of("api"));
      assertThat(node.thing("machine", "web1")).isPresent();
    }
  }

  @Test
  void aHostCanFailHideLoseAndFill() {
    try (Simulation simulation = new Simulation(1)) {
      SimHost host = simulation.host("node-1");
      host.fail(new Reference("volume", "root"), N0Exception.Code.EXHAUSTED, 1);
      host.start(SimulationTest::node);
      simulation.advance(Duration.ofMinutes(1));
      assertThat(host.thing("volume", "root"))
          .hasValueSatisfying(root -> assertThat(root.complete()).isFalse());
      simulation.advance(Duration.ofMinutes(20));
      assertThat(host.things()).hasSize(4).allMatch(SimThing::complete);

      int calls = host.calls();
      host.hide(new Reference("port", "eth0"));
      host.lose(new Reference("network", "lan"));
      simulation.advance(Duration.ofMinutes(10));
      assertThat(host.thing("network", "lan")).map(SimThing::incarnation).contains(5);
      assertThat(host.calls()).isEqualTo(calls + 1);

      host.store().setFull(true);
      host.show(new Reference("port", "eth0"));
      host.lose(new Reference("port", "eth0"));
      simulation.advance(Duration.ofMinutes(10));
      assertThat(host.thing("port", "eth0")).as("no intent, no effect").isEmpty();
      host.store().setFull(false);
      simulation.advance(Duration.ofMinutes(30));
      assertThat(host.thing("port", "eth0")).isPresent();
      assertThat(host.violations()).isEmpty();
    }
  }

  @Test
  void aProgramThatEndsInPeaceLeavesItsMachines() {
    try (Simulation simulation = new Simulation(1)) {
      SimHost host = simulation.host("node-1");
      List<Phase> phases = new ArrayList<>();
      host.start(process -> {
        try (Agent agent = process.openAgent(AgentOptions.defaults())) {
          agent.apply(BUNDLE);
          agent.resources().forEach(resource -> phases.add(resource.phase()));
        }
      });
      simulation.advance(Duration.ofHours(1));
      assertThat(host.running()).isFalse();
      assertThat(phases).hasSize(4).containsOnly(Phase.READY);
      assertThat(host.things()).hasSize(4).allMatch(SimThing::complete);
    }
  }
}
