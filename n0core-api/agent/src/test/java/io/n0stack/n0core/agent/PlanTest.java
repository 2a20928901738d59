package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the agent says it would do, and what it then does. */
class PlanTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final World world = new World();

  private Agent open() {
    return Agent.open(
        directory.resolve("state"),
        world.drivers(),
        AgentOptions.defaults().withTick(Duration.ofHours(1)));
  }

  private static Bundle cell(ThingSpec spec) {
    return Bundle.empty().with("cell", "c1", spec);
  }

  private static Plan.Entry only(Plan plan) {
    assertThat(plan.entries()).hasSize(1);
    return plan.entries().get(0);
  }

  private static void assertRefused(Code code, Runnable request, String... words) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(request::run)
        .satisfies(e -> assertThat(e.code()).isEqualTo(code))
        .satisfies(e -> assertThat(e.getMessage()).contains(words));
  }

  @Test
  void aPlanSaysWhatWouldBeDoneAndDoesNothing() {
    Bundle bundle = cell(ThingSpec.of(1)).with("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));
    try (Agent agent = open()) {
      assertThat(agent.plan(bundle).entries())
          .extracting(Plan.Entry::action)
          .containsExactly(Plan.Action.CREATE, Plan.Action.CREATE);
      assertThat(agent.resources()).isEmpty();
      assertThat(world.calls).isEmpty();

      ResourceId id = agent.apply(bundle).get(0);
      world.calls.clear();
      assertThat(agent.plan(bundle).entries())
          .extracting(Plan.Entry::action)
          .containsExactly(Plan.Action.NONE, Plan.Action.NONE);
      world.thing(id).finished = false;
      assertThat(only(agent.plan(cell(ThingSpec.of(1)))).action()).isEqualTo(Plan.Action.REPAIR);
      Plan.Entry change = only(agent.plan(cell(ThingSpec.of(2))));
      assertThat(change.action()).isEqualTo(Plan.Action.CHANGE_LIVE);
      assertThat(change.changes())
          .containsExactly(new Plan.Change("size", "1", "2", Driver.Change.LIVE));
      assertThat(world.calls).isEmpty();
    }
  }

  @Test
  void queriesOfAddressesAreInNoText() {
    String from =
        "{\"type\":\"download\",\"uri\":\"https://host/a?signature=secret\",\"format\":\"qcow2\"}";
    Plan.Change change = new Plan.Change(
        "source", from, from.replace("https", "HTTP").replace("?", "#"), Driver.Change.REJECTED);

    assertThat(change)
        .hasToString(
            "source {\"type\":\"download\",\"uri\":\"https://host/a?...\",\"format\":\"qcow2\"}"
                + " -> {\"type\":\"download\",\"uri\":\"HTTP://host/a?...\",\"format\":\"qcow2\"} (REJECTED)");
    assertThat(change.from()).isEqualTo(from);
  }

  @Test
  void aPlanNamesWhatWouldBeRefused() {
    try (Agent agent = open()) {
      agent.apply(cell(ThingSpec.of(1)));
      world.changes = Map.of("size", Driver.Change.REJECTED);
      assertThat(only(agent.plan(cell(ThingSpec.of(2)))).action()).isEqualTo(Plan.Action.REFUSE);
      world.hidden.add("c1");
      assertThat(only(agent.plan(cell(ThingSpec.of(1)))))
          .satisfies(entry -> assertThat(entry.action()).isEqualTo(Plan.Action.REFUSE))
          .satisfies(entry -> assertThat(entry.why()).contains("hidden by the test"));
      Bundle bundle = Bundle.empty().with("wall", "w1", ThingSpec.of(1).needing("cell", "c9"));
      assertThat(only(agent.plan(bundle)).why()).contains("cell \"c9\"", "not on record");
      world.hidden.clear();
      world.things.clear();
      world.loss = Driver.Loss.REPORT;
      assertThat(only(agent.plan(cell(ThingSpec.of(1)))).why()).contains("lost");
    }
  }

  @Test
  void anOrphanOfThatNameIsNamedInThePlan() {
    ResourceId orphan;
    try (Agent earlier = Agent.open(directory.resolve("earlier"), world.drivers())) {
      orphan = earlier.apply(cell(ThingSpec.of(1))).get(0);
    }
    try (Agent agent = open()) {
      Plan.Entry entry = only(agent.plan(cell(ThingSpec.of(1))));
      assertThat(entry.action()).isEqualTo(Plan.Action.REFUSE);
      assertThat(entry.why()).contains(orphan.uid().toString(), "adopt it or reap it");
      world.hook = call -> {
        if (call.equals("list cell")) {
          throw new N0Exception(Code.UNAVAILABLE, "cell", "not mounted");
        }
      };
      assertThat(only(agent.plan(cell(ThingSpec.of(1)))).why()).contains("not mounted");
      world.hook = call -> {};
    }
  }

  @Test
  void aComponentThatCannotBeChangedIsRefusedBeforeTheChangeIsOnRecord() {
    world.changes = Map.of("size", Driver.Change.REJECTED);
    try (Agent agent = open()) {
      agent.apply(cell(ThingSpec.of(1)));
      assertRefused(
          Code.PRECONDITION,
          () -> agent.apply("cell", "c1", ThingSpec.of(2)),
          "cannot be changed",
          "size 1 -> 2");
      assertThat(agent.find("cell", "c1").orElseThrow())
          .satisfies(known -> assertThat(known.generation()).isEqualTo(1))
          .satisfies(known -> assertThat(known.spec()).isEqualTo(ThingSpec.of(1)));
    }
  }

  @Test
  void aChangeThatNeedsARestartIsMadeOnlyIfThatIsAllowed() {
    world.changes = Map.of("size", Driver.Change.RESTART);
    try (Agent agent = open()) {
      agent.apply(cell(ThingSpec.of(1)));
      assertThat(only(agent.plan(cell(ThingSpec.of(2)))).action())
          .isEqualTo(Plan.Action.CHANGE_BY_RESTART);
      assertRefused(
          Code.PRECONDITION,
          () -> agent.apply("cell", "c1", ThingSpec.of(2)),
          "needs a restart",
          "size 1 -> 2");
      assertThat(world.disruption).isEqualTo(Disruption.NONE);

      ApplyOptions allowed = ApplyOptions.defaults().withDisruption(Disruption.RESTART);
      agent.apply("cell", "c1", ThingSpec.of(2), allowed).await(LIMIT);

      assertThat(world.disruption).isEqualTo(Disruption.RESTART);
    }
  }

  @Test
  void theLeaveToRestartSurvivesTheAgentAndEndsWithTheChange() {
    world.changes = Map.of("size", Driver.Change.RESTART);
    ResourceId id;
    try (Agent agent = open()) {
      id = agent.apply(cell(ThingSpec.of(1))).get(0);
      world.hang = Optional.of(new CountDownLatch(1));
      Operation<ResourceId> change = agent.apply(
          "cell",
          "c1",
          ThingSpec.of(2),
          ApplyOptions.defaults().withDisruption(Disruption.RESTART));
      await().atMost(LIMIT).until(() -> change.step().equals("hang"));
    }
    world.hang = Optional.empty();
    world.disruption = Disruption.NONE;
    try (Agent agent = open()) {
      assertThat(agent.recovery().resumed()).containsExactly(id);
      assertThat(world.disruption).isEqualTo(Disruption.RESTART);
      world.thing(id).finished = false;
      agent.reconcile();
      await().atMost(LIMIT).until(() -> world.thing(id).finished);
      assertThat(world.disruption).as("of a repair").isEqualTo(Disruption.NONE);
    }
  }

  @Test
  void whatWasNeverFinishedMayBecomeAnything() {
    world.changes = Map.of("size", Driver.Change.REJECTED);
    world.failure = Optional.of(new N0Exception(Code.INVALID, "size", "no such size"));
    try (Agent agent = open()) {
      assertRefused(
          Code.INVALID, () -> agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT), "no such");
      world.failure = Optional.empty();
      agent.apply("cell", "c1", ThingSpec.of(2)).await(LIMIT);
      assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.READY);
    }
  }

  @Test
  void anExplanationSaysWhatIsSeenWhatBlocksAndWhatComesNext() {
    try (Agent agent = open()) {
      ResourceId id = agent.apply(cell(ThingSpec.of(1))).get(0);
      Explanation fine = agent.explain("cell", "c1");
      assertThat(fine.observed()).isInstanceOf(Observed.Present.class);
      assertThat(fine.steps())
          .extracting(Explanation.Step::name)
          .containsExactly("make", "size", "finish");
      assertThat(fine.blocked()).isEmpty();
      assertThat(fine.next()).startsWith("nothing; looks again");
      assertThat(fine.toString()).contains(id.uid().toString(), "step: apply, make", "READY");

      world.hidden.add("c1");
      assertThat(agent.explain("cell", "c1").blocked())
          .contains("it cannot be seen: hidden by the test");
      world.hidden.clear();
      world.thing(id).finished = false;
      assertThat(agent.explain("cell", "c1").next()).startsWith("repairs the drift");
      assertRefused(Code.NOT_FOUND, () -> agent.explain("cell", "c9"), "none on record");
    }
  }

  @Test
  void anExplanationNamesTheFailureTheDependencyAndTheOperationInFlight() {
    world.failure = Optional.of(new N0Exception(Code.UNAVAILABLE, "cell", "not now"));
    try (Agent agent = open()) {
      assertRefused(Code.UNAVAILABLE, () -> agent.apply(cell(ThingSpec.of(1))), "not now");
      Explanation failing = agent.explain("cell", "c1");
      assertThat(failing.resource().message()).isEqualTo("not now");
      assertThat(failing.next()).startsWith("applies the spec in ");

      agent.apply("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));
      await().atMost(LIMIT).until(() -> agent.explain("wall", "w1").running().isEmpty());
      assertThat(agent.explain("wall", "w1").blocked()).contains("waits for cell \"c1\"");

      world.failure = Optional.empty();
      world.hang = Optional.of(new CountDownLatch(1));
      Operation<ResourceId> hanging = agent.apply("cell", "c1", ThingSpec.of(1));
      await().atMost(LIMIT).until(() -> hanging.step().equals("hang"));
      assertThat(agent.explain("cell", "c1"))
          .satisfies(now -> assertThat(now.running()).contains(hanging))
          .satisfies(now -> assertThat(now.next()).isEqualTo("\"apply\" goes on"));
    }
  }

  @Test
  void aDependentBlocksADeletionAndIsNamed() {
    Bundle bundle = cell(ThingSpec.of(1)).with("wall", "w1", ThingSpec.of(1).needing("cell", "c1"));
    try (Agent agent = open()) {
      agent.apply(bundle);
      world.liesAboutGone = true;
      assertRefused(Code.INTERNAL, () -> agent.delete(bundle), "the driver returned");
      assertThat(agent.explain("cell", "c1").blocked())
          .contains("needed by " + List.of("wall \"w1\""));
    }
  }
}
