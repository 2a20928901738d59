package io.n0stack.n0core.membership.internal.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Batch;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Event;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Follows;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NodeWatchTest {
  private final List<String> heard = new ArrayList<>();
  private final NodeWatch watch = new NodeWatch(
      position -> {
        throw new IllegalStateException("not begun");
      },
      "",
      Runnable::run,
      event ->
          heard.add(event.name() + event.now().map(now -> " " + now.state()).orElse(" gone")));

  private static Event event(String name, NodeState state, long revision) {
    Node node = Node.builder(name, "127.0.0.1:1").build();
    return new Event(name, Optional.of(new Entry(node, state)), revision);
  }

  private static Event gone(String name) {
    return new Event(name, Optional.empty(), 0);
  }

  @Test
  void aReplayTellsOnlyWhatIsNewAndWhatIsGone() {
    watch.take(new Batch(
        "a:2",
        Follows.NOTHING,
        Rest.NONE,
        List.of(event("node-1", NodeState.READY, 1), event("node-2", NodeState.READY, 2))));
    watch.take(new Batch("a:3", Follows.POSITION, Rest.NONE, List.of()));
    heard.clear();

    watch.take(
        new Batch("b:1", Follows.NOTHING, Rest.MORE, List.of(event("node-1", NodeState.READY, 1))));
    assertThat(heard).as("the replay is not over").isEmpty();
    watch.take(new Batch(
        "b:2", Follows.POSITION, Rest.NONE, List.of(event("node-3", NodeState.NOT_READY, 3))));

    assertThat(heard).containsExactly("node-3 NOT_READY", "node-2 gone");
  }

  @Test
  void whatIsRemovedDuringAReplayIsToldOnce() {
    watch.take(
        new Batch("a:1", Follows.NOTHING, Rest.NONE, List.of(event("node-1", NodeState.READY, 1))));

    watch.take(new Batch("b:1", Follows.NOTHING, Rest.MORE, List.of()));
    watch.take(new Batch("b:2", Follows.POSITION, Rest.NONE, List.of(gone("node-1"))));

    assertThat(heard).containsExactly("node-1 READY", "node-1 gone");
  }
}
