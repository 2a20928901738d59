package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.agent.World.ThingStatus;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The agent dies at every point before and after every step, in every pair of life and next life. */
class CrashTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Bundle BUNDLE = Bundle.empty()
      .with("cell", "c1", ThingSpec.of(1))
      .with("wall", "w1", ThingSpec.of(2).needing("cell", "c1"))
      .with("house", "h1", ThingSpec.of(3).needing("wall", "w1"));

  @TempDir
  Path directory;

  /** Stands for the death of the process; the engine writes nothing more about the operation. */
  private static final class Death extends Error {
    private static final long serialVersionUID = 1L;
  }

  /** Dies at the n-th point and at every point after it, as a dead process does nothing more. */
  private static StepListener dyingAt(int point, AtomicInteger points) {
    return new StepListener() {
      @Override
      public void before(ResourceId resource, String verb, String step) {
        pass();
      }

      @Override
      public void after(ResourceId resource, String verb, String step, long nanos) {
        pass();
      }

      private void pass() {
        if (points.getAndIncrement() >= point) {
          throw new Death();
        }
      }
    };
  }

  private Agent open(Path state, World world, StepListener listener) {
    // No tick of its own within the test: what happens is the request and the recovery.
    return Agent.open(
        state,
        world.drivers(),
        AgentOptions.defaults().withTick(Duration.ofHours(1)).withStepListener(listener));
  }

  @Test
  void aBundleIsFinishedWhereverTheAgentDiesTwice() {
    int schedules = 0;
    boolean died = true;
    for (int first = 0; died; first++) {
      for (int second = 0; second <= 12; second++) {
        World world = new World();
        Path state = directory.resolve("create-" + first + "-" + second);
        createBystander(state, world);
        died = liveAndDie(state, world, first, agent -> agent.apply(BUNDLE));
        recoverAndDie(state, world, second);
        try (Agent agent = open(state, world, StepListener.NONE)) {
          agent.recovery();
          assertThat(agent.resources()).extracting(Resource::phase).containsOnly(Phase.READY);
          for (ResourceId id : agent.apply(BUNDLE)) {
            assertThat(agent.observe(id.kind(), id.name(), ThingStatus.class))
                .isInstanceOf(Observed.Present.class);
          }
          assertThat(world.things).as("one of each, no duplicate").hasSize(4);
          assertThat(agent.orphans()).isEmpty();
          requireBystander(world, agent);
        }
        schedules++;
      }
    }
    assertThat(schedules).isGreaterThan(200);
  }

  @Test
  void aDeletionIsFinishedWhereverTheAgentDiesTwice() {
    boolean died = true;
    for (int first = 0; died; first++) {
      World world = new World();
      Path state = directory.resolve("delete-" + first);
      createBystander(state, world);
      try (Agent agent = open(state, world, StepListener.NONE)) {
        agent.apply(BUNDLE);
      }
      died = liveAndDie(state, world, first, agent -> agent.delete(BUNDLE));
      recoverAndDie(state, world, 1);
      try (Agent agent = open(state, world, StepListener.NONE)) {
        agent.recovery();
        agent.delete(BUNDLE);
        assertThat(world.things).hasSize(1);
        assertThat(agent.resources()).hasSize(1);
        requireBystander(world, agent);
      }
    }
  }

  private void createBystander(Path state, World world) {
    try (Agent agent = open(state, world, StepListener.NONE)) {
      agent.apply("cell", "bystander", ThingSpec.of(7)).await(LIMIT);
    }
  }

  private static void requireBystander(World world, Agent agent) {
    assertThat(agent.observe("cell", "bystander", ThingStatus.class))
        .isEqualTo(Observed.complete(new ThingStatus(7, 1)));
    List<String> touched =
        world.calls.stream().filter(call -> call.endsWith("bystander")).toList();
    assertThat(touched).containsExactly("apply bystander");
  }

  private interface Life {
    void live(Agent agent);
  }

  private boolean liveAndDie(Path state, World world, int point, Life life) {
    try (Agent agent = open(state, world, dyingAt(point, new AtomicInteger()))) {
      agent.recovery();
      life.live(agent);
      return false;
    } catch (N0Exception e) {
      assertThat(e).hasRootCauseInstanceOf(Death.class);
      return true;
    }
  }

  private void recoverAndDie(Path state, World world, int point) {
    try (Agent agent = open(state, world, dyingAt(point, new AtomicInteger()))) {
      agent.recovery();
    }
  }
}
