package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.agent.World.ThingStatus;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AgentTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final World world = new World();

  private Agent open() {
    return Agent.open(directory.resolve("state"), world.drivers(), options());
  }

  private static AgentOptions options() {
    return AgentOptions.defaults().withTick(Duration.ofMillis(100));
  }

  private static void assertRefused(Code code, Runnable request, String... words) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(request::run)
        .satisfies(e -> assertThat(e.code()).isEqualTo(code))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }

  @Test
  void anAppliedResourceIsReadyAndSurvivesTheAgentUntouched() {
    ResourceId id;
    try (Agent agent = open()) {
      id = agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
      assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.READY);
    }
    world.calls.clear();

    try (Agent agent = open()) {
      assertThat(agent.recovery().adopted()).containsExactly(id);
      assertThat(agent.observe("cell", "c1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(3, 1)));
    }
    assertThat(world.calls).isEmpty();
  }

  @Test
  void theIntentIsOnDiskBeforeTheDriverIsCalled() {
    AtomicReference<List<String>> seen = new AtomicReference<>(List.of());
    StepListener listener = new StepListener() {
      @Override
      public void before(ResourceId resource, String verb, String step) {
        if (step.equals("make")) {
          try (var files = Files.list(directory.resolve("state/records"))) {
            seen.set(files.map(file -> String.valueOf(file.getFileName())).toList());
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        }
      }
    };
    try (Agent agent = Agent.open(
        directory.resolve("state"), world.drivers(), options().withStepListener(listener))) {
      agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
    }
    assertThat(seen.get()).contains("resource.cell.c1");
  }

  @Test
  void aChangedSpecIsAppliedToTheSameUid() {
    try (Agent agent = open()) {
      ResourceId first = agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
      ResourceId second = agent.apply("cell", "c1", ThingSpec.of(4)).await(LIMIT);

      assertThat(second).isEqualTo(first);
      assertThat(agent.find("cell", "c1")).map(Resource::generation).contains(2L);
      assertThat(agent.observe("cell", "c1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(4, 1)));
    }
  }

  @Test
  void theSameSpecAgainCallsNoDriver() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
      world.calls.clear();
      agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
      assertThat(world.calls).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a/b", "a,b", "", "a\nb", "A", "-a", "ａ", "..", "a b"})
  void aBadNameIsRefusedBeforeAnyEffect(String name) {
    try (Agent agent = open()) {
      assertRefused(Code.INVALID, () -> agent.apply("cell", name, ThingSpec.of(1)), "name");
      assertRefused(
          Code.INVALID, () -> agent.apply("cell", "a".repeat(300), ThingSpec.of(1)), "name");
      assertRefused(Code.INVALID, () -> agent.apply("moon", "a", ThingSpec.of(1)), "kind", "moon");
    }
    assertThat(world.calls).isEmpty();
  }

  @Test
  void whatCannotBeSeenIsLeftAloneUntilItCan() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
    }
    world.hidden.add("c1");
    world.calls.clear();

    try (Agent agent = open()) {
      assertThat(agent.recovery().unknown()).containsEntry("cell \"c1\"", "hidden by the test");
      assertRefused(
          Code.UNAVAILABLE,
          () -> agent.apply("cell", "c1", ThingSpec.of(4)).await(LIMIT),
          "cannot be seen");
      assertThat(world.calls).isEmpty();
      world.hidden.clear();
      await()
          .atMost(LIMIT)
          .until(() -> agent.find("cell", "c1").map(Resource::phase).orElseThrow() == Phase.READY);
      assertThat(agent.observe("cell", "c1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(4, 1)));
    }
  }

  @Test
  void theSameRequestJoinsAndADifferentOneIsBusy() {
    CountDownLatch latch = new CountDownLatch(1);
    world.hang = Optional.of(latch);
    try (Agent agent = open()) {
      Operation<ResourceId> first = agent.apply("cell", "c1", ThingSpec.of(3));
      Operation<ResourceId> second = agent.apply("cell", "c1", ThingSpec.of(3));

      assertThat(second).isSameAs(first);
      assertRefused(Code.BUSY, () -> agent.apply("cell", "c1", ThingSpec.of(4)), "apply");
      assertRefused(Code.BUSY, () -> agent.delete("cell", "c1"), "busy");
      latch.countDown();
      first.await(LIMIT);
    }
  }

  @Test
  void aStuckResourceBlocksOnlyItself() {
    CountDownLatch latch = new CountDownLatch(1);
    world.hang = Optional.of(latch);
    try (Agent agent = open()) {
      Operation<ResourceId> stuck = agent.apply("cell", "c1", ThingSpec.of(3));
      await().atMost(LIMIT).until(() -> stuck.step().equals("hang"));
      world.hang = Optional.empty();
      agent.apply("cell", "c2", ThingSpec.of(3)).await(LIMIT);
      assertThat(stuck.state()).isEqualTo(Operation.State.RUNNING);
      latch.countDown();
      stuck.await(LIMIT);
    }
  }

  @Test
  void orphansAreReportedAndNeverTouched() {
    ResourceId id;
    try (Agent agent = open()) {
      id = agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
    }
    world.calls.clear();

    try (Agent agent = Agent.open(directory.resolve("other"), world.drivers(), options())) {
      assertThat(agent.recovery().orphans()).containsExactly(id);
      agent.reconcile();
      assertThat(agent.orphans()).containsExactly(id);
      assertThat(world.calls).isEmpty();

      assertThat(agent.adopt(id, ThingSpec.of(3)).await(LIMIT)).isEqualTo(id);
      assertThat(agent.orphans()).isEmpty();
      assertThat(world.thing(id).incarnation).isEqualTo(1);
    }
    try (Agent agent = Agent.open(directory.resolve("third"), world.drivers(), options())) {
      agent.reap(id).await(LIMIT);
      assertThat(world.things).isEmpty();
      assertRefused(Code.NOT_FOUND, () -> agent.reap(id), "no orphan");
    }
  }

  @Test
  void aSecondAgentOnTheDirectoryIsRefusedAndSaysWhoHoldsIt() {
    try (Agent agent = open()) {
      assertThat(agent.resources()).isEmpty();
      assertRefused(Code.BUSY, this::open, "pid " + ProcessHandle.current().pid());
    }
  }

  @Test
  void aDamagedRecordIsPutAsideAndItsResourceRunsOnAsAnOrphan() throws IOException {
    ResourceId id;
    try (Agent agent = open()) {
      id = agent.apply("cell", "c1", ThingSpec.of(3)).await(LIMIT);
      agent.apply("cell", "c2", ThingSpec.of(3)).await(LIMIT);
    }
    Path record = directory.resolve("state/records/resource.cell.c1");
    Files.writeString(record, Files.readString(record).replace("\"size\" : 3", "\"size\" : 9"));

    try (Agent agent = open()) {
      Recovery recovery = agent.recovery();
      assertThat(recovery.quarantined()).singleElement().asString().contains("cell/c1", "checksum");
      assertThat(recovery.orphans()).containsExactly(id);
      assertThat(recovery.adopted()).extracting(ResourceId::name).containsExactly("c2");
      assertThat(world.thing(id).finished).isTrue();
    }
  }

  @Test
  void aBundleIsAppliedInDependencyOrderAndDeletedInReverse() {
    Bundle bundle = Bundle.empty()
        .with("house", "h1", ThingSpec.of(3).needing("wall", "w1"))
        .with("wall", "w1", ThingSpec.of(2).needing("cell", "c1"))
        .with("cell", "c1", ThingSpec.of(1));
    try (Agent agent = open()) {
      assertThat(agent.apply(bundle))
          .extracting(ResourceId::name)
          .containsExactly("c1", "w1", "h1");
      assertRefused(Code.PRECONDITION, () -> agent.delete("cell", "c1"), "needed by", "w1");
      world.calls.clear();
      agent.delete(bundle);
      assertThat(world.calls).containsExactly("delete h1", "delete w1", "delete c1");
      assertThat(agent.resources()).isEmpty();
      agent.delete(bundle);
    }
  }

  @Test
  void aBundleThatDependsOnItselfIsRefused() {
    assertRefused(
        Code.INVALID,
        () -> Bundle.empty()
            .with("cell", "c1", ThingSpec.of(1).needing("wall", "w1"))
            .with("wall", "w1", ThingSpec.of(1).needing("cell", "c1")),
        "must not depend on itself");
  }

  @Test
  void aFailedCreationIsRolledBackOnlyIfAskedAndNeverWhatWasReady() {
    try (Agent agent = open()) {
      world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.ROLL_BACK))
              .await(LIMIT),
          "disk full");
      assertThat(agent.find("cell", "c1")).isEmpty();
      assertThat(world.things).isEmpty();

      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c2", ThingSpec.of(1), World.onFailure(OnFailure.KEEP))
              .await(LIMIT),
          "disk full");
      assertThat(agent.find("cell", "c2")).map(Resource::phase).contains(Phase.FAILED);
      assertThat(world.things).hasSize(1);

      world.failure = Optional.empty();
      agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT);
      world.failure = Optional.of(new N0Exception(Code.EXHAUSTED, "disk", "disk full"));
      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c2", ThingSpec.of(5), World.onFailure(OnFailure.ROLL_BACK))
              .await(LIMIT),
          "disk full");
      assertThat(agent.find("cell", "c2")).map(Resource::phase).contains(Phase.FAILED);
      assertThat(world.things).hasSize(1);
    }
  }

  @Test
  void aFailureThatCanPassIsTriedAgain() {
    world.failure = Optional.of(new N0Exception(Code.UNAVAILABLE, "cell", "not now"));
    try (Agent agent = open()) {
      assertRefused(
          Code.UNAVAILABLE,
          () -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT),
          "not now");
      assertThat(agent.find("cell", "c1")).map(Resource::message).contains("not now");
      world.failure = Optional.empty();
      await()
          .atMost(LIMIT)
          .until(() -> agent.find("cell", "c1").map(Resource::phase).orElseThrow() == Phase.READY);
    }
  }

  @Test
  void aDriverThatClaimsToBeDoneIsNotBelieved() {
    world.liesAboutDone = true;
    try (Agent agent = open()) {
      assertRefused(
          Code.INTERNAL,
          () -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT),
          "the driver returned, but");
      assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.APPLYING);
    }
  }

  @Test
  void aLostResourceIsMadeAgainUnlessItHeldData() {
    try (Agent agent = open()) {
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      world.things.remove(id);
      await().atMost(LIMIT).until(() -> world.things.containsKey(id));
      await()
          .atMost(LIMIT)
          .until(() -> agent.find("cell", "c1").map(Resource::phase).orElseThrow() == Phase.READY);

      world.loss = Driver.Loss.REPORT;
      world.things.remove(id);
      await()
          .atMost(LIMIT)
          .until(() -> agent.find("cell", "c1").map(Resource::phase).orElseThrow() == Phase.FAILED);
      assertThat(agent.find("cell", "c1"))
          .map(Resource::message)
          .hasValueSatisfying(m -> assertThat(m).contains("lost"));
      assertThat(world.things).isEmpty();

      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertThat(world.things).containsOnlyKeys(id);
    }
  }

  @Test
  void aRequestThatDoesNotKnowOfTheLossIsToldOfItAndMakesNothing() {
    world.loss = Driver.Loss.REPORT;
    try (Agent agent = Agent.open(
        directory.resolve("state"),
        world.drivers(),
        AgentOptions.defaults().withTick(Duration.ofHours(1)))) {
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      for (int size = 1; size <= 2; size++) {
        ThingSpec same = ThingSpec.of(size);
        world.things.remove(id);

        assertRefused(Code.NOT_FOUND, () -> agent.apply("cell", "c1", same).await(LIMIT), "lost");
        assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.FAILED);
        assertThat(world.things).isEmpty();

        agent.apply("cell", "c1", same).await(LIMIT);
        assertThat(world.things).containsOnlyKeys(id);
      }
    }
  }

  @Test
  void aChangeThatWasCutOffDoesNotReplaceWhatWasLostMeanwhile() {
    world.loss = Driver.Loss.REPORT;
    ResourceId id;
    try (Agent agent = open()) {
      id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      world.hang = Optional.of(new CountDownLatch(1));
      Operation<ResourceId> change = agent.apply("cell", "c1", ThingSpec.of(2));
      await().atMost(LIMIT).until(() -> change.step().equals("hang"));
    }
    world.hang = Optional.empty();
    world.things.remove(id);

    try (Agent agent = open()) {
      agent.recovery();
      assertThat(agent.find("cell", "c1"))
          .hasValueSatisfying(resource -> assertThat(resource.message()).contains("lost"));
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void aCancelledOperationStopsAndLeavesAStampedRemainder() {
    world.hang = Optional.of(new CountDownLatch(1));
    try (Agent agent = open()) {
      Operation<ResourceId> operation = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> operation.step().equals("hang"));

      assertThat(operation.cancel("changed my mind")).isTrue();

      assertRefused(Code.CANCELLED, () -> operation.await(LIMIT), "hang");
      assertThat(operation.state()).isEqualTo(Operation.State.CANCELLED);
      assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.FAILED);
      assertThat(world.things).hasSize(1);
      assertThat(operation.cancel("again")).isFalse();
      world.hang = Optional.empty();
      agent.delete("cell", "c1").await(LIMIT);
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void anActionRunsOnceAndIsReportedIfTheAgentDiedInIt() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      agent
          .act("cell", "c1", "touch", World.Touch.class, (touch, cx, id) -> {
            touch.touch();
            return id;
          })
          .await(LIMIT);
      assertThat(world.calls).contains("touch cell");
      assertRefused(
          Code.UNSUPPORTED,
          () -> agent.act("cell", "c1", "fly", Runnable.class, (fly, cx, id) -> id),
          "no Runnable");
    }
    try (Agent agent = open()) {
      assertThat(agent.recovery().indeterminate()).isEmpty();
      Operation<ResourceId> fatal =
          agent.act("cell", "c1", "explode", World.Touch.class, (touch, cx, id) -> {
            throw new AssertionError("the process dies here");
          });
      await().atMost(LIMIT).until(() -> fatal.state() == Operation.State.FAILED);
    }
    for (int life = 0; life < 2; life++) { // reported until somebody has looked
      try (Agent agent = open()) {
        assertThat(agent.recovery().indeterminate())
            .singleElement()
            .asString()
            .startsWith("explode cell \"c1\" uid ");
      }
    }
    try (Agent agent = open()) {
      agent.recovery().indeterminate().forEach(agent::acknowledge);
    }
    try (Agent agent = open()) {
      assertThat(agent.recovery().indeterminate()).isEmpty();
    }
  }

  private List<Indeterminate> reported() {
    try (Agent agent = open()) {
      return agent.recovery().indeterminate();
    }
  }

  @Test
  void anActionThatTheAgentIsClosedInIsReported() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      Operation<ResourceId> action =
          agent.act("cell", "c1", "touch", World.Touch.class, (touch, cx, id) -> {
            touch.touch();
            cx.step("wait for the answer", () -> new CountDownLatch(1).await());
            return id;
          });
      await().atMost(LIMIT).until(() -> action.step().equals("wait for the answer"));
    }
    assertThat(world.calls).contains("touch cell");
    assertThat(reported()).extracting(Indeterminate::verb).containsExactly("touch");
  }

  @Test
  void anActionWhoseAnswerWasLostIsReportedAndOneThatFailedIsNot() {
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertRefused(
          Code.UNAVAILABLE,
          () -> agent
              .act("cell", "c1", "ask", World.Touch.class, (touch, cx, id) -> {
                throw new UnknownOutcomeException("ask", new IOException("the line is dead"));
              })
              .await(LIMIT),
          "may have happened");
      assertRefused(
          Code.BUSY,
          () -> agent
              .act("cell", "c1", "try", World.Touch.class, (touch, cx, id) -> {
                throw new N0Exception(Code.BUSY, "cell", "not now");
              })
              .await(LIMIT),
          "not now");
    }
    assertThat(reported()).extracting(Indeterminate::verb).containsExactly("ask");
  }

  @Test
  void aNoteThatCannotBeTakenBackChangesNothingOfHowAnActionEnded() {
    try (Agent agent = Agent.open(
        new Unforgetting(FileStore.open(directory.resolve("state"))),
        world.drivers(),
        options(),
        new Workers(2))) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      ResourceId done = agent
          .act("cell", "c1", "succeed", World.Touch.class, (touch, cx, id) -> id)
          .await(LIMIT);
      assertThat(done.name()).isEqualTo("c1");
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> agent
              .act("cell", "c1", "fail", World.Touch.class, (touch, cx, id) -> {
                throw new N0Exception(Code.BUSY, "cell", "not now");
              })
              .await(LIMIT))
          .withMessage("not now")
          .satisfies(e ->
              assertThat(e.getSuppressed()).singleElement().asString().contains("keeps its notes"));
    }
    assertThat(reported())
        .extracting(Indeterminate::verb)
        .containsExactlyInAnyOrder("succeed", "fail");
  }

  /** A store that deletes no note. */
  private record Unforgetting(Store store) implements Store {
    @Override
    public Optional<Versioned> find(String key) {
      return store.find(key);
    }

    @Override
    public List<Versioned> list(String prefix) {
      return store.list(prefix);
    }

    @Override
    public long put(String key, String value, long expectedRevision) {
      return store.put(key, value, expectedRevision);
    }

    @Override
    public void delete(String key, long expectedRevision) {
      if (key.startsWith("action/")) {
        throw new N0Exception(Code.UNAVAILABLE, key, "the disk keeps its notes");
      }
      store.delete(key, expectedRevision);
    }

    @Override
    public Subscription watch(Executor executor, Listener listener) {
      return store.watch(executor, listener);
    }

    @Override
    public void close() {
      store.close();
    }
  }

  @Test
  void closingLeavesWhatIsHalfDoneToTheNextAgent() {
    world.hang = Optional.of(new CountDownLatch(1));
    try (Agent agent = open()) {
      Operation<ResourceId> operation = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> operation.step().equals("hang"));
    }
    world.hang = Optional.empty();

    try (Agent agent = open()) {
      assertThat(agent.recovery().resumed()).extracting(ResourceId::name).containsExactly("c1");
      assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.READY);
      assertThat(world.things.values())
          .singleElement()
          .satisfies(t -> assertThat(t.incarnation).isEqualTo(1));
    }
    assertThat(Set.copyOf(world.calls)).containsExactly("apply c1");
  }
}
