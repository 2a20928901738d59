package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.World.ThingSpec;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.MDC;

class InstrumentsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  Path directory;

  private final World world = new World();
  private AgentOptions options = AgentOptions.defaults().withTick(Duration.ofMillis(100));

  private Agent open() {
    return Agent.open(directory.resolve("state"), world.drivers(), options);
  }

  private void failWith(Code code) {
    world.failure = Optional.of(new N0Exception(code, "disk", "disk full"));
  }

  @Test
  void everyStepIsInAFlightRecording() throws IOException {
    Path file = directory.resolve("steps.jfr");
    try (Recording recording = new Recording();
        Agent agent = open()) {
      recording.enable("io.n0stack.n0core.Step").withoutThreshold();
      recording.start();
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      recording.stop();
      recording.dump(file);
      List<RecordedEvent> steps = RecordingFile.readAllEvents(file);
      assertThat(steps)
          .extracting(step -> step.getString("step") + " " + step.getString("outcome"))
          .containsExactly("make succeeded", "size succeeded", "finish succeeded");
      assertThat(steps).allSatisfy(step -> {
        assertThat(step.getString("kind")).isEqualTo("cell");
        assertThat(step.getString("name")).isEqualTo("c1");
        assertThat(step.getString("uid")).isEqualTo(id.uid().toString());
        assertThat(step.getString("verb")).isEqualTo("apply");
      });
    }
  }

  @Test
  void aDriverLogsWithTheOperationTheResourceAndTheStep() {
    List<Map<String, String>> seen = new CopyOnWriteArrayList<>();
    options = options.withStepListener(new StepListener() {
      @Override
      public void before(ResourceId resource, String verb, String step) {
        seen.add(MDC.getCopyOfContextMap());
      }
    });
    world.hook = call -> {
      if (call.equals("apply c1")) {
        seen.add(MDC.getCopyOfContextMap());
      }
    };
    try (Agent agent = open()) {
      Operation<ResourceId> operation = agent.apply("cell", "c1", ThingSpec.of(1));
      operation.await(LIMIT);
      Map<String, String> outside = Map.of(
          "n0core.operation", operation.id().toString(),
          "n0core.kind", "cell",
          "n0core.name", "c1");
      Map<String, String> inside = new TreeMap<>(outside);
      inside.put("n0core.step", "make");
      assertThat(seen.get(0)).isEqualTo(outside);
      assertThat(seen.get(1)).isEqualTo(inside);
    }
  }

  @Test
  void aMeterSinkIsToldOfOperationsStepsDriftAndWhatIsUnseen() {
    List<String> heard = new CopyOnWriteArrayList<>();
    options = options.withMeterSink(new MeterSink() {
      @Override
      public void time(String meter, Duration took, Map<String, String> tags) {
        assertThat(took.isNegative()).isFalse();
        heard.add(meter + " " + new TreeMap<>(tags));
      }

      @Override
      public void count(String meter, Map<String, String> tags) {
        heard.add(meter + " " + new TreeMap<>(tags));
      }
    });
    try (Agent agent = open()) {
      ResourceId id = agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertThat(heard)
          .contains(
              "n0core.step {kind=cell, outcome=succeeded, step=make, verb=apply}",
              "n0core.operation {kind=cell, outcome=succeeded, verb=apply}");
      world.thing(id).finished = false;
      await().atMost(LIMIT).until(() -> heard.contains("n0core.drift {kind=cell}"));
      world.hidden.add("c1");
      await().atMost(LIMIT).until(() -> heard.contains("n0core.unseen {kind=cell}"));
      world.hidden.clear();
      failWith(Code.EXHAUSTED);
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> agent.apply("cell", "c2", ThingSpec.of(1)).await(LIMIT));
      assertThat(heard).contains("n0core.operation {kind=cell, outcome=exhausted, verb=apply}");
    }
  }

  @Test
  void aMeterSinkThatThrowsChangesNothing() {
    options = options.withMeterSink(new MeterSink() {
      @Override
      public void time(String meter, Duration took, Map<String, String> tags) {
        throw new IllegalStateException("the sink is broken");
      }
    });
    try (Agent agent = open()) {
      agent.apply("cell", "c1", ThingSpec.of(1)).await(LIMIT);
      assertThat(agent.find("cell", "c1")).map(Resource::phase).contains(Phase.READY);
    }
  }
}
