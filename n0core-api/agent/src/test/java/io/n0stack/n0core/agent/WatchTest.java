package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.agent.World.Touch;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WatchTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final World world = new World();
  private final ExecutorService executor = Executors.newSingleThreadExecutor();
  private final List<Event> events = new CopyOnWriteArrayList<>();
  private Subscription watching = () -> {};

  @AfterEach
  void stop() throws InterruptedException {
    watching.close();
    executor.shutdownNow();
    assertThat(executor.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
  }

  private Agent open() {
    return Agent.open(
        directory.resolve("state"),
        world.drivers(),
        AgentOptions.defaults().withTick(Duration.ofMillis(100)));
  }

  private static String text(Event event) {
    if (event instanceof Event.Snapshot snapshot) {
      return "snapshot of " + snapshot.resources().size();
    }
    if (event instanceof Event.Recorded recorded) {
      Resource resource = recorded.resource();
      return resource.id().name() + " " + resource.phase() + " " + resource.generation();
    }
    if (event instanceof Event.Forgotten forgotten) {
      return forgotten.id().name() + " forgotten";
    }
    if (event instanceof Event.Unseen unseen) {
      return unseen.id().name() + " unseen: " + unseen.why();
    }
    if (event instanceof Event.SeenAgain seen) {
      return seen.id().name() + " seen again";
    }
    if (event instanceof Event.Progress progress) {
      return progress.id().name() + " " + progress.step() + " " + progress.message();
    }
    Event.Ended ended = (Event.Ended) event;
    return ended.id().name() + " " + ended.verb() + " " + ended.state() + " " + ended.message();
  }

  private List<String> texts() {
    return events.stream().map(event -> text(event).strip()).toList();
  }

  private void awaitText(String text) {
    // One of the listeners throws on purpose.
    await().dontCatchUncaughtExceptions().atMost(LIMIT).until(() -> texts().contains(text));
  }

  @Test
  void everythingThatHappensIsToldInOrder() {
    try (Agent agent = open()) {
      watching = agent.watch(0, executor, events::add);
      awaitText("snapshot of 0");
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      awaitText("c1 apply SUCCEEDED");
      world.hidden.add("c1");
      awaitText("c1 unseen: hidden by the test");
      world.hidden.remove("c1");
      awaitText("c1 seen again");
      world.failure = Optional.of(new N0Exception(Code.INVALID, "cell", "no such size"));
      agent.apply("cell", "c1", ThingSpec.of(2));
      awaitText("c1 apply FAILED no such size");
      agent.delete("cell", "c1").await(LIMIT);
      awaitText("c1 delete SUCCEEDED");

      assertThat(texts())
          .containsExactly(
              "snapshot of 0",
              "c1 APPLYING 1",
              "c1 READY 1",
              "c1 apply SUCCEEDED",
              "c1 unseen: hidden by the test",
              "c1 seen again",
              "c1 APPLYING 2",
              "c1 FAILED 2",
              "c1 apply FAILED no such size",
              "c1 DELETING 2",
              "c1 forgotten",
              "c1 delete SUCCEEDED");
      assertThat(events).extracting(Event::revision).isSorted().doesNotHaveDuplicates();
      watching.close();
      world.failure = Optional.empty();
      agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
      assertThat(texts()).hasSize(12);
    }
  }

  @Test
  void aWatcherThatComesBackIsToldWhatItMissed() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      watching = agent.watch(0, executor, events::add);
      awaitText("snapshot of 1");
      watching.close();
      agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
      long known = events.get(events.size() - 1).revision();
      events.clear();
      watching = agent.watch(known, executor, events::add);
      awaitText("c2 apply SUCCEEDED");
      assertThat(texts())
          .filteredOn(text -> text.startsWith("c2"))
          .containsExactly("c2 APPLYING 1", "c2 READY 1", "c2 apply SUCCEEDED");
      assertThat(texts()).noneMatch(text -> text.startsWith("snapshot"));
    }
  }

  @Test
  void afterARestartASnapshotTakesThePlaceOfWhatCannotBeTold() {
    long known;
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      watching = agent.watch(0, executor, events::add);
      awaitText("snapshot of 1");
      watching.close();
      known = events.get(events.size() - 1).revision();
      agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
    }
    events.clear();
    try (Agent agent = open()) {
      watching = agent.watch(known, executor, events::add);
      awaitText("snapshot of 2");
      assertThat(events.get(0).revision()).isGreaterThan(known);
      agent.apply("cell", "c3", ThingSpec.of(1)).await(LIMIT);
      awaitText("c3 READY 1");
    }
  }

  @Test
  void anAgentWhoseStoreHasLostCountGoesOnAndItsEventsToo() throws IOException {
    long known = 0;
    for (int life = 1; life <= 3; life++) {
      String name = "c" + life;
      events.clear();
      try (Agent agent = open()) {
        watching = agent.watch(known, executor, events::add);
        awaitText("snapshot of " + (life - 1));
        agent.apply("cell", name, ThingSpec.of(1)).await(LIMIT);
        awaitText(name + " apply SUCCEEDED");
        agent.apply("cell", name, ThingSpec.of(2)).await(LIMIT);
        awaitText(name + " READY 2");
      }
      watching.close();
      assertThat(events).extracting(Event::revision).isSorted().doesNotHaveDuplicates();
      assertThat(events.get(0).revision()).isGreaterThan(known);
      known = events.get(events.size() - 1).revision();
      Files.delete(directory.resolve("state/revision"));
    }
  }

  @Test
  void theLaterALifeTheHigherItsEvents() {
    long before = 0;
    for (long life : new long[] {
      1,
      1025,
      1_764_000_000_000L,
      (1L << 42) - 1024,
      1L << 42,
      (1L << 42) + 1024,
      1_764_000_000_000L << 10,
      (1_764_000_000_000L << 10) + 1024,
      1L << 52,
      (1L << 52) + 1024
    }) {
      assertThat(Ledger.base(life)).isGreaterThanOrEqualTo(before + (1L << 20));
      before = Ledger.base(life);
    }
    assertThat(Ledger.base(Long.MAX_VALUE)).isPositive().isGreaterThanOrEqualTo(before);
    assertThat(Long.MAX_VALUE - Ledger.base(Long.MAX_VALUE)).isGreaterThan(1L << 39);
  }

  @Test
  void aHistoryMayBeginAnywhere() {
    for (long base : new long[] {0, -3, -5000, Long.MIN_VALUE + 100, Long.MAX_VALUE - 100}) {
      events.clear();
      History history = new History(base, 8);
      watching = history.watch(base, Runnable::run, events::add, () -> {
        throw new AssertionError("nothing is missed");
      });
      ResourceId id = ResourceId.fresh("cell", "c1");
      for (int i = 0; i < 20; i++) {
        history.append(at -> new Event.Forgotten(at, id));
        history.deliver();
      }
      assertThat(events).hasSize(20).extracting(Event::revision).isSorted();
    }
  }

  @Test
  void aListenerThatThrowsAndAnExecutorThatRefusesLoseNothing() {
    AtomicBoolean refuses = new AtomicBoolean();
    try (Agent agent = open()) {
      watching = agent.watch(
          0,
          body -> {
            if (refuses.get()) {
              throw new RejectedExecutionException("full");
            }
            executor.execute(body);
          },
          event -> {
            events.add(event);
            throw new IllegalStateException("the listener is broken");
          });
      awaitText("snapshot of 0");
      refuses.set(true);
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      refuses.set(false);
      agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
      awaitText("c2 apply SUCCEEDED");
      awaitText("c1 apply SUCCEEDED"); // told a little after whoever waits for it goes on
      assertThat(texts()).contains("c1 APPLYING 1", "c1 READY 1");
      assertThat(events).extracting(Event::revision).doesNotHaveDuplicates();
    }
  }

  @Test
  void howFarAnOperationHasComeIsToldWhileItGoesOn() {
    CountDownLatch seen = new CountDownLatch(1);
    try (Agent agent = open()) {
      watching = agent.watch(0, executor, events::add);
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      awaitText("c1 apply SUCCEEDED"); // told a little after whoever waits for it goes on
      long known = events.get(events.size() - 1).revision();
      events.clear();
      Operation<String> counting =
          agent.act("cell", "c1", "count", Touch.class, (touch, cx, id) -> {
            cx.step("count to two", () -> {
              cx.progress(0.5, "one");
              seen.await();
              cx.progress(1, "two");
            });
            return "counted";
          });
      awaitText("c1 count to two one");
      assertThat(counting.state()).isEqualTo(Operation.State.RUNNING);
      seen.countDown();
      counting.await(LIMIT);
      awaitText("c1 count SUCCEEDED");

      Event.Progress first = (Event.Progress) events.get(0);
      assertThat(first)
          .isEqualTo(new Event.Progress(
              known, counting.id(), counting.target(), "count", "count to two", 0.5, "one"));
      assertThat(texts()).last().isEqualTo("c1 count SUCCEEDED");
      events.clear();
      watching.close();
      watching = agent.watch(first.revision(), executor, events::add);
      awaitText("c1 count SUCCEEDED");
      assertThat(texts()).containsExactly("c1 count SUCCEEDED");
    }
  }

  @Test
  void anOperationThatReportsAllTheTimeIsToldOfAFewTimesASecond() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      watching = agent.watch(0, executor, events::add);
      awaitText("snapshot of 1");
      long start = System.nanoTime();
      agent
          .act("cell", "c1", "count", Touch.class, (touch, cx, id) -> {
            for (int i = 0; i < 10_000; i++) {
              cx.progress(i / 1e4, "at " + i);
            }
            return "counted";
          })
          .await(LIMIT);
      long quarters = Duration.ofNanos(System.nanoTime() - start).toMillis() / 250;
      awaitText("c1 count SUCCEEDED");

      assertThat(events)
          .filteredOn(Event.Progress.class::isInstance)
          .hasSizeBetween(1, (int) quarters + 1);
    }
  }

  @Test
  void aSlowWatcherIsToldTheLatestAndNothingAfterTheEndAndNothingOfItIsKept() {
    History history = new History(7L << 20, 8);
    List<Runnable> queued = new ArrayList<>();
    OneThread clock = new OneThread();
    clock.close(); // it still tells the time
    RunningOperation<String> one = operation("c1", clock);
    RunningOperation<String> two = operation("c2", clock);
    history.progress(one, one.progressed("unheard"));
    watching = history.watch(history.last(), queued::add, events::add, () -> snapshot(history));

    history.append(at -> new Event.SeenAgain(at, one.target()));
    for (int i = 0; i <= 100; i++) {
      history.progress(one, one.progressed("at " + i));
      history.progress(two, two.progressed("at " + i));
    }
    two.succeed("");
    history.end(two);
    history.progress(two, two.progressed("too late"));
    history.deliver();
    assertThat(queued).hasSize(1);
    queued.remove(0).run();

    assertThat(texts()).containsExactly("c1 seen again", "c2 count SUCCEEDED", "c1  at 100");
    assertThat(events).extracting(Event::revision).element(2).isEqualTo(history.last());
    events.clear();
    watching.close();
    watching = history.watch(7L << 20, queued::add, events::add, () -> snapshot(history));
    queued.remove(0).run();
    assertThat(texts()).containsExactly("c1 seen again", "c2 count SUCCEEDED");
  }

  private static RunningOperation<String> operation(String name, Scheduler clock) {
    return new RunningOperation<>(ResourceId.fresh("cell", name), "count", "", clock);
  }

  private static Event.Snapshot snapshot(History history) {
    return new Event.Snapshot(history.last(), List.of());
  }

  @Test
  void aViewBuiltFromEventsEqualsTheRecordWhateverTheWatcherMisses() {
    long seed = Long.getLong("n0core.seed", new Random().nextLong());
    Random random = new Random(seed);
    History history = new History(7L << 20, 8);
    List<Resource> truth = new ArrayList<>();
    List<Resource> view = new ArrayList<>();
    List<Runnable> queued = new ArrayList<>();
    watching = history.watch(
        0,
        queued::add,
        event -> follow(view, event),
        () -> new Event.Snapshot(history.last(), truth));
    for (int i = 0; i < 2000; i++) {
      ResourceId id = ResourceId.fresh("cell", "c" + i);
      if (truth.isEmpty() || random.nextInt(3) > 0) {
        Resource resource = new Resource(id, ThingSpec.of(i), 1, Phase.READY, "");
        truth.add(resource);
        history.append(at -> new Event.Recorded(at, resource));
      } else {
        Resource gone = truth.remove(random.nextInt(truth.size()));
        history.append(at -> new Event.Forgotten(at, gone.id()));
      }
      history.deliver();
      if (random.nextInt(12) == 0) { // often later than the eight events that are kept
        List.copyOf(queued).forEach(Runnable::run);
        queued.clear();
        assertThat(view).as("seed %d, event %d", seed, i).hasSameElementsAs(truth);
      }
    }
  }

  private static void follow(List<Resource> view, Event event) {
    if (event instanceof Event.Snapshot snapshot) {
      view.clear();
      view.addAll(snapshot.resources());
    } else if (event instanceof Event.Recorded recorded) {
      view.add(recorded.resource());
    } else if (event instanceof Event.Forgotten forgotten) {
      assertThat(view.removeIf(known -> known.id().equals(forgotten.id()))).isTrue();
    }
  }
}
