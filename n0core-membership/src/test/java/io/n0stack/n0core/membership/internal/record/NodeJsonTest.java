package io.n0stack.n0core.membership.internal.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Reply;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Request;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Verb;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NodeJsonTest {
  private static final Node FULL = Node.builder("node-1", "192.0.2.1:5679")
      .identityKey("a2V5")
      .serial("S-1")
      .ipmiAddress("192.0.2.9")
      .placement(new Node.Placement("dc1", "z1", "c1", "r1", 40))
      .capacity("memory.bytes", Long.MAX_VALUE)
      .label("k", "")
      .annotation("\u00fc\"\\", "\u2603 \ud83d\ude00")
      .build()
      .withBootId("boot-1");

  @Test
  void whatIsWrittenIsReadBack() {
    Node bare = Node.builder("node-2", "h:1").build();

    assertThat(NodeJson.decode(NodeJson.encode(FULL))).isEqualTo(FULL);
    assertThat(NodeJson.decode(NodeJson.encode(bare))).isEqualTo(bare);
    assertThat(NodeJson.encode(bare)).doesNotContain("null");
  }

  @Test
  void messagesAreReadBack() {
    Request save = Request.save(FULL);
    Reply list = Reply.of(List.of(new Entry(FULL, NodeState.READY)), Rest.MORE);
    Reply failed = Reply.failed(N0Exception.invalid("name", "A", "must be a label"));

    assertThat(RegistryProtocol.request(NodeJson.bytes(save))).isEqualTo(save);
    assertThat(RegistryProtocol.reply(NodeJson.bytes(list))).isEqualTo(list);
    assertThat(RegistryProtocol.reply(NodeJson.bytes(failed))).isEqualTo(failed);
  }

  @Test
  void missingAndUnknownFieldsAreNoMistake() {
    Node node = NodeJson.decode("{\"name\":\"node-1\",\"address\":\"h:1\",\"future\":{\"a\":[1]}}");

    assertThat(node).isEqualTo(Node.builder("node-1", "h:1").build());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "7",
        "{",
        "{}",
        "{\"name\":null,\"address\":\"h:1\"}",
        "{\"name\":\"node-1\"}",
        "{\"name\":\"../x\",\"address\":\"h:1\"}",
        "{\"name\":\"node-1\",\"address\":\"h:1\"}{}",
        "{\"name\":\"node-1\",\"name\":\"node-2\",\"address\":\"h:1\"}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"capacity\":{\"a\":-1}}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"capacity\":{\"a\":1.5}}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"capacity\":{\"a\":\"1\"}}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"capacity\":{\"a\":9223372036854775808}}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"capacity\":{\"a\":null}}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"labels\":[]}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"labels\":{\"a\":null}}",
        "{\"name\":\"node-1\",\"address\":\"h:1\",\"placement\":{}}"
      })
  void hostileRecordsAreRefused(String json) {
    assertInvalid(() -> NodeJson.decode(json));
  }

  @Test
  void oversizeIsRefusedBothWays() {
    Node.Builder large = Node.builder("node-1", "h:1");
    for (int i = 0; i < 100; i++) {
      large.label("key-" + i, "v".repeat(1000));
    }

    assertInvalid(() -> NodeJson.encode(large.build()));
    assertInvalid(() -> NodeJson.decode("\"" + "x".repeat(NodeJson.MAX_NODE_BYTES) + "\""));
    assertInvalid(() -> NodeJson.decode("[".repeat(10_000)));
    assertInvalid(() -> RegistryProtocol.request(new byte[NodeJson.MAX_MESSAGE_BYTES]));
  }

  @Test
  void anotherVersionIsUnsupported() {
    byte[] future = "{\"version\":2,\"verb\":\"LIST\"}".getBytes(StandardCharsets.UTF_8);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> RegistryProtocol.request(future))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
    assertInvalid(
        () -> RegistryProtocol.request("{\"version\":1}".getBytes(StandardCharsets.UTF_8)));
    assertInvalid(() -> RegistryProtocol.request(
        "{\"version\":1,\"verb\":\"EXPLODE\"}".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void mutatedRecordsAreReadOrRefused() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    byte[] good = NodeJson.encode(FULL).getBytes(StandardCharsets.UTF_8);

    for (int round = 0; round < 5000; round++) {
      byte[] bytes = good.clone();
      for (int i = random.nextInt(4); i >= 0; i--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      try {
        NodeJson.read("node record", bytes, NodeJson.MAX_NODE_BYTES, Node.class);
      } catch (N0Exception e) {
        assertThat(e.code()).as("seed %d", seed).isEqualTo(N0Exception.Code.INVALID);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"version\":1}",
        "{\"version\":1,\"rest\":\"NONE\"}",
        "{\"version\":1,\"nodes\":[null],\"rest\":\"NONE\"}",
        "{\"version\":1,\"nodes\":[{}],\"rest\":\"NONE\"}",
        "{\"version\":1,\"nodes\":[],\"rest\":\"NONE\",\"failure\":{}}",
        "{\"version\":1,\"nodes\":[{\"node\":{\"name\":\"A\"}}],\"rest\":\"NONE\"}"
      })
  void hostileRepliesAreRefused(String json) {
    assertInvalid(() -> RegistryProtocol.reply(json.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void longListsComeInPages() {
    List<Entry> all = new ArrayList<>();
    for (int i = 100; i < 150; i++) {
      Node.Builder node = Node.builder("node-" + i, "h:1");
      for (int k = 0; k < 50; k++) {
        node.label("key-" + k, "v".repeat(1000));
      }
      all.add(new Entry(node.build(), NodeState.NOT_READY));
    }

    List<Entry> read = new ArrayList<>();
    Reply page;
    do {
      String after = read.isEmpty() ? "" : read.get(read.size() - 1).node().name();
      page = Reply.page(all, after);
      assertThat(NodeJson.bytes(page).length).isLessThan(NodeJson.MAX_MESSAGE_BYTES);
      assertThat(page.nodes()).isNotEmpty();
      read.addAll(page.nodes());
    } while (page.rest() == Rest.MORE);

    assertThat(read).isEqualTo(all);
    assertThat(Request.of(Verb.LIST, "").name()).contains("");
  }

  private static void assertInvalid(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }
}
