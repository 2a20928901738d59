package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.agent.World.ThingStatus;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackupTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Bundle BUNDLE = Bundle.empty()
      .with("cell", "c1", ThingSpec.of(1))
      .with("wall", "w1", ThingSpec.of(2).needing("cell", "c1"));

  @TempDir
  Path directory;

  private final World world = new World();

  private Agent open(String state) {
    return Agent.open(
        directory.resolve(state),
        world.drivers(),
        AgentOptions.defaults().withTick(Duration.ofMillis(100)));
  }

  private static void awaitPhase(Agent agent, String kind, String name, Phase phase) {
    await()
        .atMost(LIMIT)
        .until(() -> agent.find(kind, name).map(Resource::phase).orElseThrow() == phase);
  }

  @Test
  void afterTheLossOfTheStoreABackupFindsAgainWhatRuns() {
    String backup;
    List<ResourceId> ids;
    try (Agent agent = open("lost")) {
      ids = agent.apply(BUNDLE);
      agent.apply("cell", "c1", ThingSpec.of(5)).await(LIMIT);
      backup = agent.export();
    }
    try (Agent agent = open("new")) {
      assertThat(agent.recovery().orphans()).containsExactlyInAnyOrderElementsOf(ids);

      assertThat(agent.restore(backup)).containsExactlyInAnyOrderElementsOf(ids);

      awaitPhase(agent, "cell", "c1", Phase.READY);
      awaitPhase(agent, "wall", "w1", Phase.READY);
      assertThat(agent.orphans()).isEmpty();
      assertThat(agent.find("cell", "c1")).map(Resource::generation).contains(2L);
      assertThat(agent.observe("cell", "c1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(5, 1)));
      assertThat(agent.observe("wall", "w1", ThingStatus.class))
          .isEqualTo(Observed.complete(new ThingStatus(2, 2)));
      assertThat(agent.restore(backup)).as("a second time").isEmpty();
    }
  }

  @Test
  void whatHeldDataAndIsGoneIsReportedAndNotMadeAnew() {
    String backup;
    try (Agent agent = open("lost")) {
      agent.apply(BUNDLE);
      backup = agent.export();
    }
    world.things.clear();
    world.loss = Driver.Loss.REPORT;
    try (Agent agent = open("new")) {
      agent.restore(backup);
      awaitPhase(agent, "cell", "c1", Phase.FAILED);
      assertThat(agent.find("cell", "c1").orElseThrow().message()).contains("lost");
      assertThat(world.things).isEmpty();
    }
  }

  @Test
  void whatIsOnRecordStaysAsItIsAndWhatIsLeavingIsNotInABackup() {
    String backup;
    try (Agent agent = open("state")) {
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      backup = agent.export();
      agent.apply("cell", "c1", ThingSpec.of(2)).await(LIMIT);
      assertThat(agent.restore(backup)).isEmpty();
      assertThat(agent.find("cell", "c1").orElseThrow().spec()).isEqualTo(ThingSpec.of(2));
      world.liesAboutGone = true;
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> agent.delete("cell", "c1").await(LIMIT));
      assertThat(agent.export()).doesNotContain(id.uid().toString());
    }
  }

  @Test
  void aBackupWithWhichSomethingWouldNeedItselfIsRefusedBeforeAnythingIsOnRecord() {
    String backup;
    try (Agent agent = open("lost")) {
      agent.apply("cell", "other", ThingSpec.of(1)).await(LIMIT);
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      agent.apply("house", "h1", ThingSpec.of(1).needing("cell", "c1")).await(LIMIT);
      backup = agent.export();
    }
    world.things.clear();
    try (Agent agent = open("new")) {
      // The house of the backup needs its cell, and the cell on record needs that house.
      agent.apply("wall", "w1", ThingSpec.of(1).needing("house", "h1"));
      agent.apply("cell", "c1", ThingSpec.of(1).needing("wall", "w1"));
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> agent.restore(backup))
          .matches(e -> e.code() == N0Exception.Code.INVALID)
          .withMessageContaining("must not depend on itself");
      assertThat(agent.resources())
          .extracting(resource -> resource.id().name())
          .containsExactlyInAnyOrder("w1", "c1");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]                                                             | must be an object",
        "{}                                                             | version",
        "{\"version\": 2, \"resources\": []}                            | version",
        "{\"version\": 1}                                               | resources",
        "{\"version\": 1, \"resources\": [], \"more\": 1}               | more",
        "{\"version\": 1, \"resources\": [{\"kind\": \"house\"}]}       | name",
        "{\"version\": 1, \"resources\": [{\"kind\": \"ship\", \"name\": \"s1\", \"uid\": "
            + "\"00000000-0000-0000-0000-000000000001\", \"onFailure\": \"retry\"}]} | ship",
        "{\"version\": 1, \"resources\": [{\"kind\": \"cell\", \"name\": \"c1\", \"uid\": "
            + "\"one\", \"onFailure\": \"retry\"}]} | uid",
        "{\"version\": 1, \"resources\": [{\"kind\": \"cell\", \"name\": \"c1\", \"uid\": "
            + "\"00000000-0000-0000-0000-000000000001\", \"onFailure\": \"ask\", "
            + "\"spec\": {\"size\": 1, \"needs\": []}}]} | onFailure",
        "{\"version\": 1, \"resources\": [{\"kind\": \"cell\", \"name\": \"../c1\", \"uid\": "
            + "\"00000000-0000-0000-0000-000000000001\", \"onFailure\": \"retry\"}]} | ../c1"
      })
  void aTextThatIsNoBackupIsRefusedByFieldBeforeAnythingIsOnRecord(String text, String named) {
    try (Agent agent = open("state")) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> agent.restore(text))
          .matches(e -> e.code() == N0Exception.Code.INVALID)
          .withMessageContaining(named);
      assertThat(agent.resources()).isEmpty();
    }
  }
}
