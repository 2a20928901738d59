package io.n0stack.n0core.membership.internal.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.store.FileStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class NodeFeedTest {
  private static final Node NODE = Node.builder("node-1", "127.0.0.1:5679").build();

  @TempDir
  Path directory;

  private FileStore store;
  private NodeStates states;
  private NodeFeed feed;

  @BeforeEach
  void open() {
    store = FileStore.open(directory.resolve("store"));
    states = new NodeStates(
        store, new WrittenMembership(), name -> Optional.empty(), name -> false, Duration.ZERO);
    feed = new NodeFeed(store, states);
  }

  @AfterEach
  void close() {
    feed.close();
    states.close();
    store.close();
  }

  @Test
  void whoHasWaitedInVainIsForgotten() {
    String position = feed.batch("").position();

    List<CompletableFuture<Void>> waiting = IntStream.range(0, 1000)
        .mapToObj(i -> feed.after(position).completeOnTimeout(null, 1, TimeUnit.MILLISECONDS))
        .toList();

    waiting.forEach(CompletableFuture::join);
    await().untilAsserted(() -> assertThat(feed.waiting()).isZero());
  }

  @Test
  void allWhoWaitAreToldOfNewsAndThenForgotten() {
    String position = feed.batch("").position();
    List<CompletableFuture<Void>> waiting =
        IntStream.range(0, 100).mapToObj(i -> feed.after(position)).toList();
    assertThat(waiting).noneMatch(CompletableFuture::isDone);

    states.save(NODE);

    assertThat(waiting).allMatch(CompletableFuture::isDone);
    assertThat(feed.waiting()).isZero();
    assertThat(feed.after(position)).isDone();
    assertThat(feed.after(feed.batch(position).position())).isNotDone();
  }
}
