package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.agent.World.ThingStatus;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Operations that are cancelled, or run out of time, at each of their steps. */
@Timeout(60)
class EveryStepTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final World world = new World();
  private final CountDownLatch atTheStep = new CountDownLatch(1);
  private final CountDownLatch never = new CountDownLatch(1);
  private final AtomicReference<String> stuck = new AtomicReference<>("");

  /** Holds the driver before or after a step until it is interrupted. */
  private AgentOptions options() {
    return AgentOptions.defaults()
        .withTick(Duration.ofMillis(100))
        .withOperationLimit(LIMIT)
        .withStepListener(new StepListener() {
          @Override
          public void before(ResourceId resource, String verb, String step) {
            holdAt("before " + step);
          }

          @Override
          public void after(ResourceId resource, String verb, String step, long nanos) {
            holdAt("after " + step);
          }
        });
  }

  private void holdAt(String point) {
    if (point.equals(stuck.get())) {
      atTheStep.countDown();
      try {
        never.await();
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(point, e);
      }
    }
  }

  private Agent open() {
    return open(options());
  }

  private Agent open(AgentOptions options) {
    return Agent.open(directory.resolve("state"), world.drivers(), options);
  }

  /** Does not try again by itself what has failed, so that it can be looked at. */
  private AgentOptions patient() {
    return options().withTick(Duration.ofHours(1));
  }

  private static Phase phase(Agent agent) {
    return agent.find("cell", "c1").map(Resource::phase).orElseThrow();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "before make",
        "after make",
        "before size",
        "after size",
        "before finish",
        "after finish"
      })
  void aCreationThatIsCancelledStopsAndIsFinishedOrDeletedWhenAsked(String point) throws Exception {
    stuck.set(point);
    try (Agent agent = open()) {
      Operation<ResourceId> operation = agent.apply("cell", "c1", ThingSpec.of(1));
      atTheStep.await();
      operation.cancel("changed my mind");
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> operation.await(LIMIT))
          .matches(e -> e.code() == Code.CANCELLED);
      assertThat(operation.state()).isEqualTo(Operation.State.CANCELLED);
      assertThat(phase(agent)).isEqualTo(Phase.FAILED);
      assertThat(agent.orphans()).isEmpty();

      stuck.set("");
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertThat(agent.observe("cell", "c1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(1, 1)));
      agent.delete("cell", "c1").await(LIMIT);
      assertThat(world.things).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "before make",
        "after make",
        "before size",
        "after size",
        "before finish",
        "after finish"
      })
  void aCreationThatRunsOutOfTimeSaysSoAndIsTriedAgain(String point) {
    stuck.set(point);
    try (Agent agent = open(patient().withOperationLimit(Duration.ofSeconds(1)))) {
      assertThatExceptionOfType(OperationTimeoutException.class)
          .isThrownBy(() -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT));
      assertThat(phase(agent)).isEqualTo(Phase.APPLYING);
    }
    stuck.set("");
    try (Agent agent = open()) {
      agent.recovery();
      assertThat(phase(agent)).isEqualTo(Phase.READY);
      assertThat(agent.observe("cell", "c1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(1, 1)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"before open up", "after open up", "before take away", "after take away"})
  void aDeletionThatIsCancelledStaysWantedAndIsGoneOnWith(String point) throws Exception {
    try (Agent agent = open(patient())) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      stuck.set(point);
      Operation<ResourceId> operation = agent.delete("cell", "c1");
      atTheStep.await();
      operation.cancel("changed my mind");
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> operation.await(LIMIT))
          .matches(e -> e.code() == Code.CANCELLED);
      assertThat(phase(agent)).isEqualTo(Phase.DELETING);

      stuck.set("");
      await().atMost(LIMIT).until(() -> {
        agent.reconcile();
        return agent.find("cell", "c1").isEmpty();
      });
      assertThat(world.things).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"after make", "before finish"})
  void aCreationToBeRolledBackIsUndoneWhereverItIsCancelled(String point) throws Exception {
    stuck.set(point);
    try (Agent agent = open()) {
      Operation<ResourceId> operation =
          agent.apply("cell", "c1", ThingSpec.of(1), World.onFailure(OnFailure.ROLL_BACK));
      atTheStep.await();
      operation.cancel("changed my mind");
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> operation.await(LIMIT))
          .matches(e -> e.code() == Code.CANCELLED);
      assertThat(agent.find("cell", "c1")).isEmpty();
      assertThat(world.things).isEmpty();
    }
  }
}
