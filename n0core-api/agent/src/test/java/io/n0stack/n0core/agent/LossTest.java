package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.Thing;
import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Versioned;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What held data, was reported lost, and was only out of sight, as in a pool that was not mounted. */
@Timeout(60)
class LossTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final World world = new World();
  private final N0Exception full = new N0Exception(Code.EXHAUSTED, "disk", "disk full");

  @BeforeEach
  void holdData() {
    world.loss = Driver.Loss.REPORT;
  }

  private Agent open() {
    return Agent.open(
        directory.resolve("state"),
        world.drivers(),
        AgentOptions.defaults().withTick(Duration.ofMillis(100)));
  }

  private static Phase phase(Agent agent) {
    return agent.find("cell", "c1").map(Resource::phase).orElseThrow();
  }

  private static void assertRefused(Code code, Runnable request, String words) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(request::run)
        .satisfies(e -> assertThat(e.code()).isEqualTo(code))
        .withMessageContaining(words);
  }

  /** Makes a READY resource, and takes it away until the agent has reported the loss. */
  private Thing lose(Agent agent) {
    ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
    Thing thing = world.thing(id);
    world.things.remove(id);
    await().atMost(LIMIT).until(() -> phase(agent) == Phase.FAILED);
    return thing;
  }

  private ResourceId id(Agent agent) {
    return agent.find("cell", "c1").map(Resource::id).orElseThrow();
  }

  /** Turns the record into one from before it said whether the resource was ever READY. */
  private void forgetThatItWasReady() {
    try (FileStore store = FileStore.open(directory.resolve("state"))) {
      Versioned record = store.find("resource/cell/c1").orElseThrow();
      String older = record.value().replaceFirst("\\s*\"onceReady\" : (true|false),", "");
      assertThat(older).isNotEqualTo(record.value());
      store.put(record.key(), older, record.revision());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsThereAgainIsNotRolledBack(boolean recordIsOlder) {
    Thing thing;
    try (Agent agent = open()) {
      thing = lose(agent);
    }
    if (recordIsOlder) {
      forgetThatItWasReady();
    }
    try (Agent agent = open()) {
      world.things.put(id(agent), thing);
      world.failure = Optional.of(full);

      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c1", ThingSpec.of(2), World.onFailure(OnFailure.ROLL_BACK))
              .await(LIMIT),
          "disk full");

      assertThat(phase(agent)).isEqualTo(Phase.FAILED);
      assertThat(world.calls).doesNotContain("delete c1");
      assertThat(world.things).containsEntry(id(agent), thing);
    }
  }

  @Test
  void whatIsMadeInThePlaceOfWhatIsLostIsNotRolledBackEither() {
    try (Agent agent = open()) {
      lose(agent);
      world.failure = Optional.of(full);

      assertRefused(
          Code.EXHAUSTED,
          () -> agent
              .apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.ROLL_BACK))
              .await(LIMIT),
          "disk full");

      assertThat(phase(agent)).isEqualTo(Phase.FAILED);
      assertThat(world.calls).doesNotContain("delete c1");
    }
  }

  @Test
  void whatIsThereAgainIsChangedOnlyAsFarAsItCanBe() {
    world.changes = Map.of("size", Driver.Change.REJECTED);
    try (Agent agent = open()) {
      Thing thing = lose(agent);
      world.things.put(id(agent), thing);
      Bundle other = Bundle.empty().with("cell", "c1", ThingSpec.of(2));

      assertThat(agent.plan(other).entries())
          .extracting(Plan.Entry::action)
          .containsExactly(Plan.Action.REFUSE);
      assertRefused(
          Code.PRECONDITION, () -> agent.apply("cell", "c1", ThingSpec.of(2)), "cannot be changed");
      assertRefused(Code.PRECONDITION, () -> agent.apply(other), "cannot be changed");
      world.hidden.add("c1");
      assertRefused(
          Code.PRECONDITION, () -> agent.apply("cell", "c1", ThingSpec.of(2)), "cannot be changed");
      world.hidden.clear();
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertThat(world.things).containsEntry(id(agent), thing);
    }
  }

  @Test
  void whatIsLostMayBecomeAnything() {
    world.changes = Map.of("size", Driver.Change.REJECTED);
    try (Agent agent = open()) {
      lose(agent);
      Bundle other = Bundle.empty().with("cell", "c1", ThingSpec.of(2));

      assertThat(agent.plan(other).entries())
          .extracting(Plan.Entry::action)
          .containsExactly(Plan.Action.CREATE);
      agent.apply(other);
      assertThat(world.thing(id(agent)).size).isEqualTo(2);
    }
  }

  @Test
  void whatIsThereAgainAndIsLostOnceMoreIsNotReplaced() {
    try (Agent agent = open()) {
      Thing thing = lose(agent);
      world.things.put(id(agent), thing);
      world.failure = Optional.of(new N0Exception(Code.UNAVAILABLE, "cell", "not now"));
      assertRefused(
          Code.UNAVAILABLE,
          () -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT),
          "not now");

      world.things.clear();
      world.failure = Optional.empty();

      await().atMost(LIMIT).until(() -> phase(agent) == Phase.FAILED);
      assertThat(agent.find("cell", "c1").orElseThrow().message()).contains("lost");
      assertThat(world.things).isEmpty();
    }
  }
}
