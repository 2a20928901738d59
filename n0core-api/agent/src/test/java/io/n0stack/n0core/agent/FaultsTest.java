package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Versioned;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Drivers that throw, hang and lie, disks that refuse, and requests that cross each other. */
@Timeout(60)
class FaultsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final AgentOptions OPTIONS =
      AgentOptions.defaults().withTick(Duration.ofMillis(100));

  @TempDir
  Path directory;

  private final World world = new World();
  private final CountDownLatch latch = new CountDownLatch(1);

  private Agent open() {
    return open(OPTIONS);
  }

  private Agent open(AgentOptions options) {
    return Agent.open(directory.resolve("state"), world.drivers(), options);
  }

  private static AgentOptions oneWorker() {
    return OPTIONS.withWorkers(1);
  }

  private Agent openOnOneThread() {
    FileStore store = FileStore.open(directory.resolve("state"));
    return Agent.open(store, world.drivers(), OPTIONS, new OneThread());
  }

  private static void assertRefused(Code code, Runnable request, String... words) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(request::run)
        .satisfies(e -> assertThat(e.code()).isEqualTo(code))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }

  private static Phase phase(Agent agent, String name) {
    return agent.find("cell", name).map(Resource::phase).orElseThrow();
  }

  /** Makes every write of a record fail with nothing changed: its temporary file cannot be made. */
  private Path blockRecord(String name) {
    Path records = directory.resolve("state/records");
    try {
      return Files.createDirectories(records.resolve(".tmp-resource.cell." + name + "/full"));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void unblock(Path full) {
    try {
      Files.delete(full);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private ResourceId leaveOrphan() {
    try (Agent agent = Agent.open(directory.resolve("earlier"), world.drivers(), OPTIONS)) {
      return agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
    }
  }

  @Test
  void aDriverThatCannotListHoldsUpNoRecovery() {
    world.hook = call -> {
      if (call.equals("list cell")) {
        throw new IllegalStateException("broken");
      } else if (call.equals("list wall")) {
        throw new NoClassDefFoundError("native");
      }
    };
    try (Agent agent = open(OPTIONS.withOperationLimit(Duration.ofSeconds(3)))) {
      assertThat(agent.recovery().unknown()).containsKeys("driver of cell", "driver of wall");
    }
  }

  @Test
  void aDriverThatCannotBeLoadedIsNotTakenForAnAbsentResource() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      world.hook = call -> {
        if (call.equals("observe c1")) {
          throw new NoClassDefFoundError("native");
        }
      };
      world.calls.clear();
      assertRefused(
          Code.UNAVAILABLE,
          () -> agent.apply("cell", "c1", ThingSpec.of(2)).await(LIMIT),
          "cannot be seen");
      assertThat(world.calls).isEmpty();
    }
  }

  @Test
  void aResourceThatHangsWhileRecoveringKeepsNothingElseFromBeingRepaired() {
    ResourceId other;
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      other = agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
    }
    CountDownLatch seen = new CountDownLatch(1);
    world.hook = call -> {
      if (call.equals("observe c1")) {
        latch.await();
      } else if (call.equals("observe c2")) {
        seen.countDown();
      }
    };
    try (Agent agent = open()) {
      assertThat(seen.await(20, TimeUnit.SECONDS)).isTrue();
      world.things.remove(other);
      await().atMost(LIMIT).until(() -> world.things.containsKey(other));
      assertThat(agent.find("cell", "c1")).isPresent();
      latch.countDown();
      assertThat(agent.recovery().adopted()).extracting(ResourceId::name).contains("c1");
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A dependent is looked at before what it needs is ready, and that look ends only afterwards. */
  @Test
  void whatBecomesReadyWhileADependentIsLookedAtIsNotMissed() {
    world.failure = Optional.of(new N0Exception(Code.UNAVAILABLE, "cell", "not now"));
    try (Agent agent = open()) {
      assertRefused(Code.UNAVAILABLE, () -> agent.apply(WALL), "not now");
    }
    world.failure = Optional.empty();
    world.hidden.add("w1");
    Counting scheduler = new Counting();
    AgentOptions options = AgentOptions.defaults()
        .withTick(Duration.ofHours(1))
        .withMeterSink(new MeterSink() {
          @Override
          public void count(String meter, Map<String, String> tags) {
            if (world.hidden.contains("w1")) {
              // The look for orphans, that at the cell, and the one that the cell's readiness asks
              // for.
              await().atMost(LIMIT).until(() -> scheduler.ended.get() == 3);
              world.hidden.clear();
            }
          }
        });
    FileStore store = FileStore.open(directory.resolve("state"));

    try (Agent agent = Agent.open(store, world.drivers(), options, scheduler)) {
      Recovery recovery = agent.recovery();

      assertThat(recovery.unknown()).isEmpty();
      assertThat(recovery.resumed()).extracting(ResourceId::name).containsOnly("c1", "w1");
      assertThat(agent.resources()).extracting(Resource::phase).containsOnly(Phase.READY);
    }
  }

  /** Counts what it has run to its end, at once and later. */
  private static final class Counting implements Scheduler {
    final AtomicInteger ended = new AtomicInteger();
    final AtomicInteger endedLater = new AtomicInteger();
    private final Workers workers = new Workers(4);

    @Override
    public long nanoTime() {
      return workers.nanoTime();
    }

    @Override
    public void execute(Runnable work) {
      workers.execute(() -> {
        work.run();
        ended.incrementAndGet();
      });
    }

    @Override
    public Runnable later(Duration delay, Runnable work) {
      return workers.later(delay, () -> {
        work.run();
        endedLater.incrementAndGet();
      });
    }

    @Override
    public <R> R await(CompletableFuture<R> future, Duration limit)
        throws InterruptedException, ExecutionException, TimeoutException {
      return workers.await(future, limit);
    }

    @Override
    public void close() {
      workers.close();
    }
  }

  @Test
  void looksDoNotPileUpWhileAWorkerIsStuck() {
    AtomicInteger looks = new AtomicInteger();
    try (Agent agent = openOnOneThread()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
      agent.recovery();
      CountDownLatch stuck = new CountDownLatch(1);
      world.hook = call -> {
        if (call.equals("observe c1")) {
          stuck.countDown();
          latch.await();
        } else if (call.equals("observe c2")) {
          looks.incrementAndGet();
        }
      };
      await().atMost(LIMIT).until(() -> stuck.getCount() == 0);
      for (int i = 0; i < 1000; i++) {
        agent.reconcile();
      }
      Operation<ResourceId> last = agent.apply("cell", "c3", ThingSpec.of(1));
      latch.countDown();
      last.await(LIMIT);
      assertThat(looks).hasValueLessThan(10);
    }
  }

  @Test
  void moreResourcesThatHangThanThereAreWorkersHoldUpNothingElse() {
    world.hang = Optional.of(latch);
    try (Agent agent = open(OPTIONS.withWorkers(2))) {
      List<Operation<ResourceId>> hanging = Stream.of("h1", "h2", "h3", "h4", "h5")
          .map(name -> agent.apply("cell", name, ThingSpec.of(1)))
          .toList();
      await()
          .atMost(LIMIT)
          .until(() -> hanging.stream().allMatch(operation -> operation.step().equals("hang")));
      world.hang = Optional.empty();
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      latch.countDown();
      hanging.forEach(operation -> operation.await(LIMIT));
    }
  }

  @Test
  void whatAResourceWithoutADriverNeedsIsNotDeleted() {
    Bundle bundle = Bundle.empty()
        .with("cell", "c1", ThingSpec.of(1))
        .with("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));
    try (Agent agent = open()) {
      agent.apply(bundle);
    }
    List<Driver<?, ?>> cells = world.drivers().stream()
        .filter(driver -> driver.describe().kind().equals("cell"))
        .toList();
    try (Agent agent = Agent.open(directory.resolve("state"), cells, OPTIONS)) {
      assertThat(agent.recovery().quarantined())
          .singleElement()
          .asString()
          .contains("no driver for kind \"wall\"");
      assertRefused(Code.PRECONDITION, () -> agent.delete("cell", "c1"), "wall \"w1\"");
    }
    try (Agent agent = open()) {
      assertThat(agent.recovery().adopted()).hasSize(2);
      agent.delete(bundle);
    }
  }

  @Test
  void aCallbackOfTheFutureMayWorkOnTheSameResource() {
    world.hang = Optional.of(latch);
    try (Agent agent = open()) {
      Operation<ResourceId> operation = agent.apply("cell", "c1", ThingSpec.of(1));
      CompletableFuture<ResourceId> deleted =
          operation.done().thenApply(id -> agent.delete("cell", "c1").await(LIMIT));
      latch.countDown();
      assertThat(deleted).succeedsWithin(LIMIT);
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void closingCompletesWhatWaitsAndEndsTheThreads() {
    AtomicInteger inDriver = new AtomicInteger();
    world.hook = call -> {
      if (call.startsWith("observe ")) { // c2 gets a thread, too, if c1 has had the one for long
        inDriver.incrementAndGet();
        latch.await();
      }
    };
    Operation<ResourceId> running;
    Operation<ResourceId> waiting;
    try (Agent agent = open(oneWorker())) {
      agent.recovery();
      running = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> inDriver.get() == 1);
      waiting = agent.apply("cell", "c2", ThingSpec.of(1));
    }
    assertThat(running.done()).isCompletedExceptionally();
    assertThat(waiting.done()).isCompletedExceptionally();
    assertThat(world.calls).isEmpty();
    await()
        .atMost(LIMIT)
        .until(() -> Thread.getAllStackTraces().keySet().stream()
            .noneMatch(thread -> thread.getName().startsWith("n0core-agent-")));
    try (Agent agent = open()) {
      latch.countDown();
      assertThat(agent.recovery().resumed()).hasSize(2);
    }
  }

  @Test
  void aDriverThatHangsIsWokenWhenItsTimeIsUpAndTriedAgain() {
    world.hang = Optional.of(latch);
    try (Agent agent = open(OPTIONS.withOperationLimit(Duration.ofSeconds(1)))) {
      Operation<ResourceId> operation = agent.apply("cell", "c1", ThingSpec.of(1));
      assertThatThrownBy(() -> operation.await(LIMIT))
          .isInstanceOf(OperationTimeoutException.class)
          .hasMessageContaining("apply cell \"c1\"");
      assertThat(operation.state()).isEqualTo(Operation.State.FAILED);
      assertThat(phase(agent, "c1")).isEqualTo(Phase.APPLYING);
      world.hang = Optional.empty();
      await().atMost(LIMIT).until(() -> phase(agent, "c1") == Phase.READY);
    }
  }

  @Test
  void whatRunsOutOfTimeBeforeItBeganCallsNoDriver() {
    Counting scheduler = new Counting();
    world.hook = call -> {
      if (call.equals("observe c1")) {
        await().atMost(LIMIT).until(() -> scheduler.endedLater.get() > 0); // its alarm
      } else if (call.equals("apply c1")) {
        latch.await();
      }
    };
    AgentOptions options = AgentOptions.defaults()
        .withTick(Duration.ofHours(1))
        .withOperationLimit(Duration.ofSeconds(1));
    FileStore store = FileStore.open(directory.resolve("state"));
    try (Agent agent = Agent.open(store, world.drivers(), options, scheduler)) {
      assertThatThrownBy(() -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT))
          .isInstanceOf(OperationTimeoutException.class)
          .hasMessageContaining("no answer within 1000 ms");

      assertThat(world.calls).isEmpty();
      assertThat(phase(agent, "c1")).isEqualTo(Phase.APPLYING);
    }
  }

  @Test
  void whatIsCancelledBeforeItBeganCallsNoDriver() {
    world.hook = call -> {
      if (call.equals("apply c1")) {
        latch.await();
      }
    };
    try (Agent agent = openOnOneThread()) {
      agent.recovery();
      Operation<ResourceId> first = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> world.calls.contains("apply c1"));
      Operation<ResourceId> second = agent.apply("cell", "c2", ThingSpec.of(1));
      assertThat(second.cancel("changed my mind")).isTrue();
      latch.countDown();
      first.await(LIMIT);
      assertRefused(Code.CANCELLED, () -> second.await(LIMIT), "changed my mind");
      assertThat(world.calls).doesNotContain("apply c2");
    }
  }

  @Test
  void theIntentToReapIsDurableWhenTheCallReturns() throws IOException {
    ResourceId orphan = leaveOrphan();
    try (Agent agent = openOnOneThread()) {
      agent.recovery();
      world.hook = call -> {
        if (call.equals("apply c2")) {
          latch.await();
        }
      };
      agent.apply("cell", "c2", ThingSpec.of(1));
      Operation<ResourceId> reaping = agent.reap(orphan);
      try (Stream<Path> records = Files.list(directory.resolve("state/records"))) {
        assertThat(records.map(file -> String.valueOf(file.getFileName())))
            .anyMatch(name -> name.startsWith("action."));
      }
      latch.countDown();
      reaping.await(LIMIT);
      assertThat(world.things).doesNotContainKey(orphan);
    }
    try (Agent agent = open()) {
      assertThat(agent.recovery().indeterminate()).isEmpty();
    }
  }

  @Test
  void whatWasAdoptedMeanwhileIsNotReaped() {
    ResourceId orphan = leaveOrphan();
    try (Agent agent = open()) {
      agent.recovery();
      AtomicInteger lists = new AtomicInteger();
      world.hook = call -> {
        // By then the look for orphans has found it.
        if (call.equals("listed cell") && lists.incrementAndGet() == 1) {
          agent.adopt(orphan, ThingSpec.of(1)).await(LIMIT);
        }
      };
      assertRefused(Code.NOT_FOUND, () -> agent.reap(orphan).await(LIMIT), "on record");
      assertThat(world.things).containsKey(orphan);
      assertThat(world.calls).doesNotContain("delete c1");
    }
  }

  @Test
  void anOrphanThatOthersNeedIsNotReaped() throws IOException {
    ResourceId cell;
    try (Agent agent = open()) {
      cell = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      agent.apply("wall", "w1", ThingSpec.of(1).needing("cell", "c1")).await(LIMIT);
    }
    Files.delete(directory.resolve("state/records/resource.cell.c1"));
    try (Agent agent = open()) {
      assertRefused(Code.PRECONDITION, () -> agent.reap(cell).await(LIMIT), "needed by", "w1");
      assertThat(world.things).containsKey(cell);
    }
  }

  private record OtherSpec() implements Spec {}

  @Test
  void aBundleWithAnEntryThatIsRefusedLeavesNothingOnRecord() {
    try (Agent agent = open()) {
      Bundle wrongType =
          Bundle.empty().with("cell", "c1", ThingSpec.of(1)).with("wall", "w1", new OtherSpec());
      assertRefused(Code.INVALID, () -> agent.apply(wrongType), "spec", "wall");
      Bundle wrongKind =
          Bundle.empty().with("cell", "c1", ThingSpec.of(1)).with("moon", "m1", ThingSpec.of(1));
      assertRefused(Code.INVALID, () -> agent.apply(wrongKind), "kind", "moon");
      assertThat(agent.resources()).isEmpty();
    }
  }

  @Test
  void nothingMayNeedItself() {
    try (Agent agent = open()) {
      assertRefused(
          Code.INVALID,
          () -> agent.apply("cell", "c1", ThingSpec.of(1).needing("cell", "c1")),
          "must not depend on itself");
      agent.apply("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));
      assertRefused(
          Code.INVALID,
          () -> agent.apply("cell", "c1", ThingSpec.of(1).needing("wall", "w1")),
          "must not depend on itself");
    }
  }

  @Test
  void nothingIsBuiltOnWhatIsBeingDeleted() {
    world.hook = call -> {
      if (call.equals("delete c1")) {
        latch.await();
      }
    };
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      Operation<ResourceId> deletion = agent.delete("cell", "c1");
      assertRefused(
          Code.PRECONDITION,
          () -> agent.apply("wall", "w1", ThingSpec.of(1).needing("cell", "c1")),
          "c1",
          "being deleted");
      latch.countDown();
      deletion.await(LIMIT);
      assertThat(agent.resources()).isEmpty();
    }
  }

  @Test
  void aDriverThatCannotCloseKeepsNeitherTheOthersNorTheDirectoryOpen() {
    List<String> closed = new CopyOnWriteArrayList<>();
    Agent agent = open();
    world.hook = call -> {
      closed.add(call);
      if (call.equals("close cell")) {
        throw new IllegalStateException("broken");
      }
    };
    assertThatThrownBy(agent::close).hasMessageContaining("broken");
    assertThat(closed).contains("close cell", "close wall", "close house");
    world.hook = call -> {};
    open().close();
  }

  @Test
  void whatCannotBeSeenIsNotRolledBackUntilItCan() {
    world.hook = call -> {
      if (call.equals("apply c1")) {
        world.hidden.add("c1");
      }
    };
    world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
    try (Agent agent = open()) {
      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.ROLL_BACK))
              .await(LIMIT),
          "disk full");
      assertThat(phase(agent, "c1")).isEqualTo(Phase.ROLLING_BACK);
      assertThat(world.calls).doesNotContain("delete c1");
      world.hidden.clear();
      await().atMost(LIMIT).until(() -> agent.find("cell", "c1").isEmpty());
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void aRecordUnderAnothersNameIsPutAside() throws IOException {
    ResourceId id;
    try (Agent agent = open()) {
      id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
    }
    Path records = directory.resolve("state/records");
    Files.copy(records.resolve("resource.cell.c1"), records.resolve("resource.cell.c2"));
    try (Agent agent = open()) {
      Recovery recovery = agent.recovery();
      assertThat(recovery.quarantined()).singleElement().asString().contains("cell/c2", "c1");
      assertThat(recovery.adopted()).containsExactly(id);
      agent.delete("cell", "c1").await(LIMIT);
    }
  }

  private static final Bundle WALL = Bundle.empty()
      .with("cell", "c1", ThingSpec.of(1))
      .with("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));

  /** Makes a wall on a cell, and its record one that the driver of walls cannot read. */
  private ResourceId leaveUnreadable() {
    ResourceId wall;
    try (Agent agent = open()) {
      wall = agent.apply(WALL).get(1);
    }
    edit("resource/wall/w1", "\"size\" : 1", "\"size\" : \"one\"");
    return wall;
  }

  private void edit(String key, String from, String to) {
    try (FileStore store = FileStore.open(directory.resolve("state"))) {
      Versioned record = store.find(key).orElseThrow();
      assertThat(record.value()).contains(from);
      store.put(key, record.value().replace(from, to), record.revision());
    }
  }

  private List<String> putAside() {
    try (FileStore store = FileStore.open(directory.resolve("state"))) {
      return store.list("unreadable").stream().map(Versioned::key).toList();
    }
  }

  @Test
  void whatAResourceNeedsWhoseRecordCannotBeReadIsNotDeletedAndTheRecordIsReadAgain() {
    ResourceId wall = leaveUnreadable();
    for (int life = 0; life < 2; life++) {
      try (Agent agent = open()) {
        assertThat(agent.recovery().quarantined())
            .singleElement()
            .asString()
            .contains("unreadable/wall/w1", "size");
        assertThat(agent.recovery().orphans()).containsExactly(wall);
        assertRefused(Code.PRECONDITION, () -> agent.delete("cell", "c1"), "wall \"w1\"");
        assertRefused(Code.PRECONDITION, () -> agent.delete(WALL), "wall \"w1\"");
      }
    }
    edit("unreadable/wall/w1", "\"size\" : \"one\"", "\"size\" : 1");
    try (Agent agent = open()) {
      assertThat(agent.recovery().quarantined()).isEmpty();
      assertThat(agent.recovery().adopted()).contains(wall).hasSize(2);
      agent.delete(WALL);
      assertThat(world.things).isEmpty();
    }
    assertThat(putAside()).isEmpty();
  }

  @Test
  void anOrphanThatIsAdoptedOrReapedIsNotHeldByARecordThatCannotBeRead() {
    ResourceId wall = leaveUnreadable();
    try (Agent agent = open()) {
      agent.adopt(wall, ThingSpec.of(2)).await(LIMIT);
      agent.delete("cell", "c1").await(LIMIT);
      assertThat(world.things).containsOnlyKeys(wall);
      agent.delete("wall", "w1").await(LIMIT);
    }
    assertThat(putAside()).isEmpty();
    ResourceId other = leaveUnreadable();
    try (Agent agent = open()) {
      agent.reap(other).await(LIMIT);
      agent.delete("cell", "c1").await(LIMIT);
      assertThat(world.things).isEmpty();
    }
    assertThat(putAside()).isEmpty();
  }

  @Test
  void aRecordWhoseNameIsTakenStaysAsideAndKeepsWhatItNeeds() {
    ResourceId wall = leaveUnreadable();
    try (Agent agent = open()) {
      agent.apply("wall", "w1", ThingSpec.of(3)).await(LIMIT);
    }
    edit("unreadable/wall/w1", "\"size\" : \"one\"", "\"size\" : 1");
    try (Agent agent = open()) {
      assertThat(agent.recovery().quarantined())
          .singleElement()
          .asString()
          .contains("unreadable/wall/w1", "its name is taken");
      assertThat(agent.recovery().orphans()).containsExactly(wall);
      assertThat(agent.find("wall", "w1").orElseThrow().spec()).isEqualTo(ThingSpec.of(3));
      assertRefused(Code.PRECONDITION, () -> agent.delete("cell", "c1"), "wall \"w1\"");
    }
  }

  @Test
  void aRecordThatWasPutBackWhenTheAgentDiedIsNotPutBackTwice() {
    leaveUnreadable();
    open().close();
    edit("unreadable/wall/w1", "\"size\" : \"one\"", "\"size\" : 1");
    try (FileStore store = FileStore.open(directory.resolve("state"))) {
      store.put(
          "resource/wall/w1", store.find("unreadable/wall/w1").orElseThrow().value(), 0);
    }
    try (Agent agent = open()) {
      assertThat(agent.recovery().quarantined()).isEmpty();
      agent.delete(WALL);
    }
    assertThat(putAside()).isEmpty();
  }

  @Test
  void aFailureOfAnyLengthGetsOnRecord() {
    String endless = "disk \ud800 full ".repeat(200_000);
    world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", endless));
    try (Agent agent = open()) {
      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.KEEP))
              .await(LIMIT),
          "disk");
      assertThat(phase(agent, "c1")).isEqualTo(Phase.FAILED);
    }
  }

  @Test
  void anIntentThatCannotBeWrittenCallsNoDriver() {
    try (Agent agent = open()) {
      Path full = blockRecord("c1");
      assertRefused(Code.UNAVAILABLE, () -> agent.apply("cell", "c1", ThingSpec.of(1)), "c1");
      assertThat(agent.find("cell", "c1")).isEmpty();
      unblock(full);
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      blockRecord("c1");
      world.calls.clear();
      assertRefused(Code.UNAVAILABLE, () -> agent.delete("cell", "c1"), "c1");
      agent.reconcile();
      assertThat(phase(agent, "c1")).isEqualTo(Phase.READY);
      assertThat(world.calls).isEmpty();
    }
  }

  @Test
  void readinessThatCannotBeWrittenIsNotClaimed() {
    AtomicInteger applied = new AtomicInteger();
    world.hook = call -> {
      if (call.equals("apply c1") && applied.incrementAndGet() == 1) {
        blockRecord("c1");
      }
    };
    try (Agent agent = open()) {
      assertRefused(
          Code.UNAVAILABLE,
          () -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT),
          "write record");
      assertThat(phase(agent, "c1")).isEqualTo(Phase.APPLYING);
      unblock(directory.resolve("state/records/.tmp-resource.cell.c1/full"));
      await().atMost(LIMIT).until(() -> phase(agent, "c1") == Phase.READY);
      assertThat(world.things).hasSize(1);
    }
  }

  @Test
  void aFullDiskDoesNotHideWhyTheDriverFailed() {
    world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "net", "no addresses left"));
    world.hook = call -> {
      if (call.equals("apply c1")) {
        blockRecord("c1");
      }
    };
    try (Agent agent = open()) {
      assertRefused(
          Code.EXHAUSTED,
          () -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT),
          "no addresses left");
    }
  }

  @Test
  void aBundlesTextWithAnUnknownFieldIsRefused() {
    try (Agent agent = open()) {
      assertRefused(
          Code.INVALID,
          () -> agent.parse("{\"resources\": [{\"kind\": \"cell\", \"name\": \"c1\", \"spek\": {},"
              + " \"spec\": {\"size\": 1, \"needs\": []}}]}"),
          "spek");
      assertRefused(
          Code.INVALID, () -> agent.parse("{\"resources\": [], \"dryRun\": true}"), "dryRun");
      assertRefused(
          Code.INVALID,
          () -> agent.parse("{\"resources\": [{\"kind\": \"cell\", \"name\": \"c1\"}]}"),
          "must be a ThingSpec");
    }
  }

  @Test
  void theLatestRequestSaysWhatHappensWhenItFails() {
    world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
    try (Agent agent = open()) {
      for (OnFailure policy : List.of(OnFailure.KEEP, OnFailure.ROLL_BACK)) {
        assertRefused(
            Code.EXHAUSTED,
            () -> agent
                .apply("cell", "c1", ThingSpec.of(1), World.onFailure(policy))
                .await(LIMIT),
            "disk full");
      }
      assertThat(agent.find("cell", "c1")).isEmpty();
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void aRequestThatJoinsAnotherSaysWhatHappensWhenItFails() {
    world.hook = call -> {
      if (call.equals("apply c1")) {
        latch.await();
      }
    };
    world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
    try (Agent agent = open()) {
      Operation<ResourceId> first = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> world.calls.contains("apply c1"));
      Operation<ResourceId> second =
          agent.apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.ROLL_BACK));
      assertThat(second).isSameAs(first);
      latch.countDown();
      assertRefused(Code.EXHAUSTED, () -> second.await(LIMIT), "disk full");
      assertThat(agent.find("cell", "c1")).isEmpty();
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void aRequestThatJoinsAnotherDoesNotKeepItFromBeingDone() {
    world.hang = Optional.of(latch);
    try (Agent agent = open()) {
      Operation<ResourceId> first = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> first.step().equals("hang"));
      ApplyOptions restart = World.onFailure(OnFailure.KEEP).withDisruption(Disruption.RESTART);
      Operation<ResourceId> second = agent.apply("cell", "c1", ThingSpec.of(1), restart);
      latch.countDown();
      second.await(LIMIT);
      assertThat(phase(agent, "c1")).isEqualTo(Phase.READY);
      world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
      world.things.values().forEach(thing -> thing.finished = false);
      await().atMost(LIMIT).until(() -> phase(agent, "c1") == Phase.FAILED); // KEEP is in force
      assertThat(world.disruption).isEqualTo(Disruption.NONE);
    }
  }

  @Test
  void leaveToDisruptThatWasNotNeededIsNotKept() {
    try (Agent agent = open()) {
      ApplyOptions restart = ApplyOptions.defaults().withDisruption(Disruption.RESTART);
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      agent.apply("cell", "c1", ThingSpec.of(1), restart).await(LIMIT);
      world.calls.clear();
      world.disruption = Disruption.RESTART;
      world.things.values().forEach(thing -> thing.finished = false);
      await().atMost(LIMIT).until(() -> world.calls.contains("apply c1"));
      await().atMost(LIMIT).until(() -> world.disruption == Disruption.NONE);
    }
  }

  @Test
  void anOrphanIsNotAdoptedUnderASpecThatNeedsItself() {
    ResourceId orphan = leaveOrphan();
    try (Agent agent = open()) {
      agent.apply("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));
      for (ThingSpec spec :
          List.of(ThingSpec.of(1).needing("cell", "c1"), ThingSpec.of(1).needing("wall", "w1"))) {
        assertRefused(Code.INVALID, () -> agent.adopt(orphan, spec), "must not depend on itself");
      }
      assertThat(agent.orphans()).containsExactly(orphan);
      agent.adopt(orphan, ThingSpec.of(1)).await(LIMIT);
      agent.apply("wall", "w1", ThingSpec.of(1).needing("cell", "c1")).await(LIMIT);
      agent.delete("wall", "w1").await(LIMIT);
      agent.delete("cell", "c1").await(LIMIT);
    }
  }

  @Test
  void memoryDoesNotGrowWithEveryNameEverUsed() {
    Path state = directory.resolve("state");
    Map<String, Driver<?, ?>> drivers = new HashMap<>();
    world.drivers().forEach(driver -> drivers.put(driver.describe().kind(), driver));
    try (FileStore store = FileStore.open(state)) {
      Ledger ledger = new Ledger(store, new JsonCodec(), drivers);
      Workers workers = new Workers(2);
      Host host = new Host(drivers, ledger);
      Engine engine = new Engine(
          host,
          ledger,
          new Admission(host, ledger, new SpecChanges(new JsonCodec())),
          new Instruments(OPTIONS, workers),
          workers,
          OPTIONS.operationLimit(),
          reference -> {});
      for (int i = 0; i < 20; i++) {
        Reference cell = new Reference("cell", "c" + i);
        engine.apply(cell, ThingSpec.of(1), World.onFailure(OnFailure.RETRY)).await(LIMIT);
        if (i > 0) {
          engine.delete(cell).await(LIMIT);
        }
      }
      assertRefused(
          Code.NOT_FOUND, () -> engine.delete(new Reference("cell", "never")), "none on record");
      engine.forgetIdleLanes();
      assertThat(engine.laneCount()).isEqualTo(1);
      engine
          .apply(new Reference("cell", "c1"), ThingSpec.of(1), World.onFailure(OnFailure.RETRY))
          .await(LIMIT);
      workers.close();
    }
  }

  @Test
  void theClockGoesOnAfterAnythingThatIsThrown() {
    FailingScheduler scheduler = new FailingScheduler();
    FileStore store = FileStore.open(directory.resolve("state"));
    try (Agent agent = Agent.open(store, world.drivers(), OPTIONS, scheduler)) {
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      scheduler.failures.set(2);
      await().atMost(LIMIT).until(() -> scheduler.failures.get() == 0);
      world.things.remove(id);
      await().atMost(LIMIT).until(() -> world.things.containsKey(id));
    }
  }

  @Test
  void aRollBackThatHangsIsWokenToo() {
    world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
    world.hook = call -> {
      if (call.equals("delete c1")) {
        latch.await();
      }
    };
    try (Agent agent = open(OPTIONS.withOperationLimit(Duration.ofSeconds(5)))) {
      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.ROLL_BACK))
              .await(LIMIT),
          "disk full");
      assertThat(phase(agent, "c1")).isEqualTo(Phase.ROLLING_BACK);
      latch.countDown();
      await().atMost(LIMIT).until(() -> agent.find("cell", "c1").isEmpty());
    }
  }

  @Test
  void aDriverThatClaimsToHaveDeletedIsNotBelieved() {
    world.liesAboutGone = true;
    try (Agent agent = open()) {
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertRefused(
          Code.INTERNAL, () -> agent.delete("cell", "c1").await(LIMIT), "the driver returned, but");
      assertThat(phase(agent, "c1")).isEqualTo(Phase.DELETING);
      assertThat(agent.orphans()).isEmpty();
      world.liesAboutGone = false;
      await().atMost(LIMIT).until(() -> agent.find("cell", "c1").isEmpty());
      assertThat(world.things).doesNotContainKey(id);
    }
  }

  @Test
  void aRecordThatWasChangedMeanwhileIsNotOverwritten() {
    try (FileStore store = FileStore.open(directory.resolve("state"))) {
      Ledger ledger = new Ledger(store, new JsonCodec(), Map.of());
      ResourceId id = ResourceId.fresh("cell", "c1");
      Intent seen =
          ledger.put(ThingSpec.class, Intent.fresh(id, ThingSpec.of(1), ApplyOptions.defaults()));
      Intent leaving = ledger.put(ThingSpec.class, seen.in(Phase.DELETING, ""));

      assertRefused(
          Code.PRECONDITION, () -> ledger.put(ThingSpec.class, seen.ready()), "expected revision");
      assertThat(ledger.find(id.reference())).contains(leaving);
      assertRefused(Code.PRECONDITION, () -> ledger.remove(seen), "expected revision");
    }
  }

  @Test
  void aRequestThatComesWhileTheAgentLooksKnowsBetter() {
    try (Agent agent = open()) {
      agent.recovery();
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      CompletableFuture<Operation<ResourceId>> deletion = new CompletableFuture<>();
      world.calls.clear();
      world.hook = call -> {
        if (call.equals("observe c1") && !deletion.isDone()) {
          deletion.complete(agent.delete("cell", "c1"));
        }
      };
      world.things.remove(id);
      deletion.join().await(LIMIT);
      assertThat(world.calls).containsOnly("delete c1");
      assertThat(agent.resources()).isEmpty();
    }
  }
}
