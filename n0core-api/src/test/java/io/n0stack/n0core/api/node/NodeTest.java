package io.n0stack.n0core.api.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.node.Node.Placement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NodeTest {
  @ParameterizedTest
  @CsvSource({
    "true, true, READY",
    "true, false, NOT_READY",
    "false, true, UNREGISTERED",
    "false, false, ABSENT"
  })
  void stateFollowsFromTheTwoFacts(boolean registered, boolean alive, NodeState state) {
    assertThat(NodeState.of(registered, alive)).isEqualTo(state);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../x", "a/b", "a,b", "node_1", "n\n"})
  void namesAreLabels(String name) {
    String rule = "1 to 63 characters";
    Refusal.invalid("name", name, rule, () -> Node.builder(name, "127.0.0.1:1").build());
    Refusal.invalid("name", name, rule, () -> new Member(name, "127.0.0.1:1", "b"));
  }

  @Test
  void textsAreChecked() {
    String rule = "without control characters";
    Refusal.invalid("address", "", rule, () -> Node.builder("node-1", "").build());
    Refusal.invalid("serial", "a\nb", rule, () -> node().serial("a\nb").build());
    Refusal.invalid("identityKey", " ", rule, () -> node().identityKey(" ").build());
    Refusal.invalid("ipmiAddress", "\0", rule, () -> node().ipmiAddress("\0").build());
    Refusal.invalid("bootId", "", rule, () -> node().build().withBootId(""));
    Refusal.invalid("labels", "", rule, () -> node().label("", "a").build());
    Refusal.invalid(
        "labels.rack", "a\n", rule, () -> node().label("rack", "a\n").build());
    Refusal.invalid(
        "annotations.x", "\n", rule, () -> node().annotation("x", "\n").build());
    Refusal.invalid("bootId", "", rule, () -> new Member("node-1", "127.0.0.1:1", ""));
  }

  @Test
  void capacityIsNotNegative() {
    Refusal.invalid(
        "capacity.memory.bytes",
        -1,
        "0 to",
        () -> node().capacity("memory.bytes", -1).build());
  }

  @Test
  void placementIsChecked() {
    Refusal.invalid("placement.rack", "", "not blank", () -> new Placement("tyo", "a", "1", "", 1));
    Refusal.invalid(
        "placement.unit", 101, "0 to 100", () -> new Placement("tyo", "a", "1", "r", 101));
  }

  @Test
  void bootIdIsTheOnlyChange() {
    Node node = node()
        .serial("S1")
        .placement(new Placement("tyo", "a", "1", "r", 1))
        .capacity("cpu.millicores", 4000)
        .label("empty", "")
        .annotation("a", "b")
        .build();

    Node restarted = node.withBootId("2");

    assertThat(restarted.bootId()).contains("2");
    assertThat(restarted).usingRecursiveComparison().ignoringFields("bootId").isEqualTo(node);
  }

  private static Node.Builder node() {
    return Node.builder("node-1", "127.0.0.1:1");
  }
}
