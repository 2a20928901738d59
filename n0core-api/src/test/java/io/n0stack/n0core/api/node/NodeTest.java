package io.n0stack.n0core.api.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
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

  @ParameterizedTest
  @ValueSource(strings = {"h", "h:", ":1", "h:0", "h:65536", "h:1x", "a b:1", "a/b:1", "h:999999"})
  void addressesAreHostAndPort(String address) {
    Refusal.invalid(
        "address", address, "HOST:PORT", () -> Node.builder("node-1", address).build());
  }

  @Test
  void keysAreBase64AndControllersAreAddresses() {
    node().identityKey("MCowBQYDK2VwAyEA+/=").ipmiAddress("[2001:db8::1]:623").build();

    Refusal.invalid(
        "identityKey", "a b", "Base64", () -> node().identityKey("a b").build());
    Refusal.invalid(
        "identityKey",
        "a".repeat(2049),
        "1 to 2048",
        () -> node().identityKey("a".repeat(2049)).build());
    Refusal.invalid(
        "ipmiAddress", "a b", "IP address", () -> node().ipmiAddress("a b").build());
  }

  @Test
  void mapsAreOfBoundedSize() {
    Node.Builder many = node();
    for (int i = 0; i < 257; i++) {
      many.label("key-" + i, "");
    }

    Refusal.invalid("entries of labels", 257, "0 to 256", many::build);
  }

  @Test
  void resourcesAreThePartOfTheCapacityThatCanBeReserved() {
    Node node = node().capacity("gpu", 2).resources(new Resources(4000, 8, 16)).build();

    assertThat(node.resources()).isEqualTo(new Resources(4000, 8, 16));
    assertThat(node.withResources(new Resources(1, 2, 3)).resources())
        .isEqualTo(new Resources(1, 2, 3));
    assertThat(node.withResources(Resources.NONE).capacity()).containsEntry("gpu", 2L);
    assertThat(node().build().resources()).isEqualTo(Resources.NONE);
  }

  @Test
  void sumsOfResourcesDoNotOverflow() {
    Resources all = new Resources(0, Long.MAX_VALUE, 0);

    Refusal.of(N0Exception.Code.EXHAUSTED, () -> all.plus(new Resources(0, 1, 0)));
    Refusal.invalid("memoryBytes", -1, "0 to", () -> new Resources(0, -1, 0));
    assertThat(all.minus(new Resources(1, 1, 1)))
        .isEqualTo(new Resources(0, Long.MAX_VALUE - 1, 0));
    assertThat(new Resources(1, 2, 3).shortOf(new Resources(1, 3, 4)))
        .containsExactly("memory.bytes: 3 wanted, 2 free", "storage.bytes: 4 wanted, 3 free");
  }

  private static Node.Builder node() {
    return Node.builder("node-1", "127.0.0.1:1");
  }
}
