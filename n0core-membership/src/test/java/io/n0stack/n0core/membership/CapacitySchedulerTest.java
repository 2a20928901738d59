package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.node.Scheduling.Constraints;
import io.n0stack.n0core.api.node.Scheduling.Decision;
import io.n0stack.n0core.api.node.Scheduling.Spread;
import io.n0stack.n0core.api.node.Scheduling.Verdict;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CapacitySchedulerTest {
  private static final Resources SIZE = new Resources(4000, 1000, 1000);
  private static final Resources SMALL = new Resources(1000, 100, 100);

  @TempDir
  Path directory;

  private final List<NodeRegistry.Entry> nodes = new ArrayList<>();
  private Store store;
  private StoreReservations reservations;

  @BeforeEach
  void open() {
    store = FileStore.open(directory.resolve("store"));
    reservations = StoreReservations.of(store);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private void node(NodeState state, Node.Builder builder) {
    Node node = builder.build();
    store.put("node/" + node.name(), NodeJson.encode(node), Store.NONE);
    nodes.add(new NodeRegistry.Entry(node, state));
  }

  private static Node.Builder builder(String name) {
    return Node.builder(name, "127.0.0.1:1").resources(SIZE);
  }

  private Decision schedule(Resources request, Constraints constraints) {
    return CapacityScheduler.of(new Listed(nodes), reservations).schedule(request, constraints);
  }

  @Test
  void theEmptiestReadyNodeIsChosenAndEveryNodeIsExplained() {
    node(NodeState.READY, builder("node-1").label("disk", "ssd"));
    node(NodeState.READY, builder("node-2").label("disk", "ssd"));
    node(NodeState.NOT_READY, builder("node-3").label("disk", "ssd"));
    node(NodeState.READY, builder("node-4").label("disk", "hdd"));
    node(NodeState.READY, builder("node-5"));
    node(NodeState.READY, builder("node-6").label("disk", "ssd").resources(Resources.NONE));
    reservations.reserve(Reservation.of("node-1", new UUID(0, 1), SMALL));

    Decision decision = schedule(SMALL, Constraints.NONE.withLabel("disk", "ssd"));

    assertThat(decision.node()).contains("node-2");
    assertThat(decision.verdicts())
        .containsExactly(
            new Verdict("node-2", 1, "75 % of its scarcest resource stays free"),
            new Verdict("node-1", 2, "50 % of its scarcest resource stays free"),
            new Verdict("node-3", 0, "it is NOT_READY"),
            new Verdict("node-4", 0, "label disk is \"hdd\", wanted \"ssd\""),
            new Verdict("node-5", 0, "label disk is missing, wanted \"ssd\""),
            new Verdict(
                "node-6",
                0,
                "cpu.millicores: 1000 wanted, 0 free; memory.bytes: 100 wanted, 0 free;"
                    + " storage.bytes: 100 wanted, 0 free"));
    assertThat(decision.explanation())
        .startsWith("chose node-2\n  node-2: rank 1, 75 %")
        .contains("\n  node-3: refused, it is NOT_READY");
  }

  @Test
  void noNodeIsAnAnswerToo() {
    node(NodeState.READY, builder("node-1"));

    Decision decision = schedule(new Resources(4001, 0, 0), Constraints.NONE);

    assertThat(decision.node()).isEmpty();
    assertThat(decision.explanation())
        .isEqualTo("no node will do\n  node-1: refused, cpu.millicores: 4001 wanted, 4000 free");
  }

  @Test
  void aGroupIsSpreadOverRacksBeforeEmptinessCounts() {
    node(NodeState.READY, builder("node-1").placement(place("z1", "r1")));
    node(NodeState.READY, builder("node-2").placement(place("z1", "r1")));
    node(NodeState.READY, builder("node-3").placement(place("z2", "r1")));
    UUID first = new UUID(0, 1);
    reservations.reserve(Reservation.of("node-1", first, SMALL));
    reservations.reserve(Reservation.of("node-3", new UUID(0, 9), new Resources(2000, 0, 0)));

    Constraints constraints = Constraints.NONE.withSpread(Spread.RACK, Set.of(first));

    Decision decision = schedule(SMALL, constraints);
    assertThat(decision.node()).contains("node-3");
    assertThat(decision.verdicts().get(0).reason())
        .startsWith("0 of the group in rack tyo/z2/c1/r1");
    assertThat(decision.verdicts().get(1))
        .isEqualTo(new Verdict(
            "node-2",
            2,
            "1 of the group in rack tyo/z1/c1/r1; 75 % of its scarcest resource stays free"));
    assertThat(schedule(SMALL, constraints.withSpread(Spread.DATACENTER, Set.of(first)))
            .node())
        .contains("node-2");
    assertThat(schedule(SMALL, Constraints.NONE).node()).contains("node-2");
  }

  private static Node.Placement place(String zone, String rack) {
    return new Node.Placement("tyo", zone, "c1", rack, 1);
  }

  /** A registry of fixed nodes. */
  private record Listed(List<Entry> nodes) implements NodeRegistry {
    @Override
    public void save(Node node) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void remove(String name) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Optional<Entry> find(String name) {
      throw new UnsupportedOperationException();
    }
  }
}
