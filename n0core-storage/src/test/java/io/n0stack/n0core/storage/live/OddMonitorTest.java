package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.BlockEvent;
import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What no QEMU does on demand: monitors that answer nonsense, late, or not at all. */
class OddMonitorTest {
  private static final Path FILE = Path.of("/pool/root.qcow2");
  private static final String NODES = """
      [{"node-name": "disk-root", "drv": "qcow2", "file": "/pool/root.qcow2", "ro": false,
        "image": {"virtual-size": 1048576}},
       {"node-name": "bytes", "drv": "file", "file": "/pool/root.qcow2",
        "image": {"virtual-size": 196616}}]""";
  private static final String EDGES = """
      {"nodes": [{"id": 1, "type": "block-driver", "name": "disk-root"},
                 {"id": 2, "type": "block-driver", "name": "bytes"},
                 {"id": 3, "type": "block-backend", "name": ""}],
       "edges": [{"parent": 1, "child": 2, "name": "file", "perm": [], "shared-perm": []},
                 {"parent": 3, "child": 1, "name": "root", "perm": [], "shared-perm": []}]}""";

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final FakeMonitor fake = new FakeMonitor();

  /** A machine that answers what it is told to, and the last answer again and again. */
  private static final class FakeMonitor implements BlockMonitor {
    private final ResourceId machine = ResourceId.fresh("machine", "web1");
    private final Map<String, Deque<Supplier<String>>> answers = new HashMap<>();
    private final Deque<BlockEvent> events = new ArrayDeque<>();
    private final List<String> commands = new ArrayList<>();
    private Supplier<Optional<N0Exception>> refusal = Optional::empty;
    private Set<String> known = Set.of(
        "blockdev-add",
        "blockdev-del",
        "blockdev-snapshot",
        "query-jobs",
        "job-dismiss",
        "query-named-block-nodes",
        "x-debug-query-block-graph");

    FakeMonitor() {
      answer("query-named-block-nodes", () -> NODES);
      answer("x-debug-query-block-graph", () -> EDGES);
      answer("query-jobs", () -> "[]");
    }

    @SafeVarargs
    final void answer(String command, Supplier<String>... all) {
      Deque<Supplier<String>> each = new ArrayDeque<>();
      for (Supplier<String> one : all) {
        each.add(one);
      }
      answers.put(command, each);
    }

    @Override
    public BlockUse use(Path file, Duration timeout) {
      return new BlockUse.Open(machine);
    }

    @Override
    public BlockSession connect(ResourceId id, Duration timeout) {
      refusal.get().ifPresent(e -> {
        throw e;
      });
      return new BlockSession() {
        @Override
        public QemuCapabilities capabilities() {
          return new QemuCapabilities(7, 2, 22, known);
        }

        @Override
        public String execute(String command, Map<String, ?> arguments, Duration deadline) {
          commands.add(command);
          Deque<Supplier<String>> left = answers.getOrDefault(command, new ArrayDeque<>());
          if (left.isEmpty()) {
            return "{}";
          }
          return left.size() == 1 ? left.peek().get() : left.poll().get();
        }

        @Override
        public BlockEvents events(int capacity) {
          return new BlockEvents() {
            @Override
            public Optional<BlockEvent> next(Duration limit) {
              return Optional.ofNullable(events.poll());
            }

            @Override
            public long lost() {
              return 0;
            }

            @Override
            public void close() {}
          };
        }

        @Override
        public void close() {}
      };
    }
  }

  private LiveVolume open() {
    return LiveVolume.open(fake, root, FILE, Duration.ofMillis(300));
  }

  private LiveJob job(JobKind kind, String... statuses) {
    JobId id = JobId.of(kind, root.uid(), "/pool/copy", "", "");
    List<Supplier<String>> answers = new ArrayList<>();
    for (String status : statuses) {
      String text = status.isEmpty()
          ? "[]"
          : "[{\"id\": \"" + id + "\", \"type\": \"" + kind.word()
              + "\", \"current-progress\": 5, \"total-progress\": 10, " + status + "}]";
      answers.add(() -> text);
    }
    fake.answers.put("query-jobs", new ArrayDeque<>(answers));
    return open().jobs().get(0);
  }

  private static String lost() {
    throw new UnknownOutcomeException("command", new IOException("the line broke"));
  }

  private static Supplier<String> error(String text) {
    return () -> {
      throw new BlockCommandException("machine \"web1\"", "command", "GenericError", text);
    };
  }

  @Test
  void anOldQemuIsRefusedBeforeAnythingIsDone() {
    fake.known = Set.of("blockdev-add", "query-jobs");

    assertThatThrownBy(this::open)
        .hasMessageContaining("x-debug-query-block-graph")
        .isInstanceOfSatisfying(N0Exception.class, e -> code(e, N0Exception.Code.UNSUPPORTED));
    assertThat(fake.commands).isEmpty();
  }

  @Test
  void jobsOfOthersAreLeftAlone() {
    fake.answer("query-jobs", () -> """
        [{"id": "drive-virtio0", "status": "running"}, {"id": "n0core.mirror.x.y.z", "status": "ready"},
         {"id": "n0core.mirror.1.2.3.4", "status": "ready"}, {"status": "running"},
         {"id": "n0core.wipe.%s.000000000000.000000000000.", "status": "ready"},
         {"id": "n0core.mirror.%s.000000000000.000000000000.disk-a.b", "status": "what?"}]""".formatted(root.uid(), root.uid()));

    List<LiveJob> jobs = open().jobs();

    assertThat(jobs).hasSize(1);
    assertThat(jobs.get(0).id()).endsWith(".disk-a.b");
    assertThat(jobs.get(0).status().state()).isEqualTo(JobState.RUNNING);
  }

  @Test
  void aJobEndsWithoutASingleEvent() {
    LiveJob job = job(
        JobKind.BACKUP,
        "\"status\": \"running\"",
        "\"status\": \"paused\"",
        "\"status\": \"pending\"",
        "\"status\": \"concluded\"",
        "");
    Waiting waiting = Waiting.longEnough();

    job.complete(waiting);

    assertThat(waiting.fractions()).containsExactly(0.5, 0.5);
    assertThat(fake.commands).contains("job-dismiss");
  }

  @Test
  void eventsThatLieAreNotBelieved() {
    LiveJob job = job(
        JobKind.BACKUP,
        "\"status\": \"running\"",
        "\"status\": \"running\"",
        "\"status\": \"concluded\"",
        "");
    for (String name : List.of("BLOCK_JOB_COMPLETED", "JOB_STATUS_CHANGE", "SHUTDOWN")) {
      fake.events.add(new BlockEvent(
          name, "{\"device\": \"" + job.id() + "\", \"error\": \"late\"}", Instant.now()));
    }

    job.complete(Waiting.longEnough());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "No space left on device=EXHAUSTED",
        "Operation canceled=CANCELLED",
        "Input/output error=UNAVAILABLE",
        "Permission denied=PERMISSION",
        "Source and target image have different sizes=PRECONDITION",
        "something=INTERNAL"
      })
  void theErrorOfAJobIsTyped(String row) {
    String[] parts = row.split("=", -1);
    LiveJob job = job(
        JobKind.MIRROR,
        "\"status\": \"concluded\", \"error\": \"" + parts[0] + "\"",
        "\"status\": \"concluded\", \"error\": \"" + parts[0] + "\"",
        "");

    assertThatThrownBy(() -> job.complete(Waiting.longEnough()))
        .isInstanceOfSatisfying(
            JobFailedException.class, e -> code(e, N0Exception.Code.valueOf(parts[1])));
  }

  @Test
  void aStreamThatFailedIsToldByTheEventAloneAndWithoutItTheFailureIsSeenAllTheSame() {
    fake.answer(
        "query-named-block-nodes",
        () -> NODES.replace(
            "{\"node-name\": \"bytes\"",
            "{\"node-name\": \"base\", \"drv\": \"raw\"}," + "{\"node-name\": \"bytes\""));
    fake.answer(
        "x-debug-query-block-graph",
        () -> EDGES
            .replace(
                "\"nodes\": [",
                "\"nodes\": [{\"id\": 4, \"type\": \"block-driver\", \"name\": \"base\"},")
            .replace(
                "\"edges\": [",
                "\"edges\": [{\"parent\": 1, \"child\": 4, \"name\": \"backing\"},"));
    LiveVolume volume = open();
    LiveJob told = volume.flatten();
    fake.events.add(new BlockEvent(
        "BLOCK_JOB_COMPLETED",
        "{\"device\": \"" + told.id() + "\", \"error\": \"No space left on device\"}",
        Instant.now()));

    assertThatThrownBy(() -> told.complete(Waiting.longEnough()))
        .isInstanceOfSatisfying(JobFailedException.class, e -> code(e, N0Exception.Code.EXHAUSTED));
    LiveJob untold = volume.flatten();
    assertThatThrownBy(() -> untold.complete(Waiting.longEnough()))
        .isInstanceOfSatisfying(JobFailedException.class, e -> code(e, N0Exception.Code.INTERNAL));
  }

  @Test
  void aJobThatIsGoneWithoutItsWorkBeingThereIsNotTakenForDone() {
    LiveJob job = job(JobKind.BACKUP, "\"status\": \"running\"", "");

    assertThatThrownBy(() -> job.complete(Waiting.longEnough()))
        .isInstanceOfSatisfying(N0Exception.class, e -> code(e, N0Exception.Code.NOT_FOUND));
  }

  @Test
  void aChangeThatIsLostEachTimeIsUnknownAfterAFewAttempts() {
    fake.answer("block_resize", OddMonitorTest::lost);

    assertThatThrownBy(() -> open().resize(2 << 20)).isInstanceOf(UnknownOutcomeException.class);

    assertThat(fake.commands).filteredOn("block_resize"::equals).hasSizeBetween(2, 10);
  }

  @Test
  void aChangeWhoseAnswerWasLostIsNotMadeTwiceIfItIsThere() {
    fake.answer("block_resize", OddMonitorTest::lost);
    fake.answer(
        "query-named-block-nodes",
        () -> NODES,
        () -> NODES,
        () -> NODES.replace("1048576", "2097152"));

    open().resize(2 << 20);

    assertThat(fake.commands).filteredOn("block_resize"::equals).hasSize(1);
  }

  @Test
  void aSecondAttemptThatIsRefusedBecauseTheFirstWasDoneIsDone() {
    fake.answer("block_resize", OddMonitorTest::lost, error("it is in use"));
    fake.answer(
        "query-named-block-nodes",
        () -> NODES,
        () -> NODES,
        () -> NODES,
        () -> NODES.replace("1048576", "2097152"));

    open().resize(2 << 20);

    assertThat(fake.commands).filteredOn("block_resize"::equals).hasSize(2);
  }

  @Test
  void aRefusalIsNotAskedAgain() {
    fake.answer("block_resize", error("Device '(null)' is in use"));

    assertThatThrownBy(() -> open().resize(2 << 20))
        .isInstanceOfSatisfying(BlockCommandException.class, e -> code(e, N0Exception.Code.BUSY));
    assertThat(fake.commands).filteredOn("block_resize"::equals).hasSize(1);
  }

  @Test
  void noAnswerInTimeIsNotAskedAgain() {
    fake.answer("block_resize", () -> {
      throw new OperationTimeoutException("block_resize", Duration.ofSeconds(1));
    });

    assertThatThrownBy(() -> open().resize(2 << 20)).isInstanceOf(OperationTimeoutException.class);
    assertThat(fake.commands).filteredOn("block_resize"::equals).hasSize(1);
  }

  @Test
  void aMachineThatCannotBeAskedAfterALossLeavesTheOutcomeUnknown() {
    fake.answer("block_resize", () -> {
      fake.refusal = () -> Optional.of(
          new N0Exception(N0Exception.Code.BUSY, "machine", "the monitor serves another"));
      throw new UnknownOutcomeException("block_resize", new IOException("the line broke"));
    });

    assertThatThrownBy(() -> open().resize(2 << 20))
        .isInstanceOf(UnknownOutcomeException.class)
        .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
  }

  @Test
  void aMachineThatHasEndedAfterALossIsSaid() {
    fake.answer("block_resize", () -> {
      fake.refusal = () -> Optional.of(
          new N0Exception(N0Exception.Code.PRECONDITION, "machine", "it is not running"));
      throw new UnknownOutcomeException("block_resize", new IOException("the line broke"));
    });

    assertThatThrownBy(() -> open().resize(2 << 20))
        .isInstanceOfSatisfying(N0Exception.class, e -> {
          code(e, N0Exception.Code.PRECONDITION);
          assertThat(e.getSuppressed()).hasAtLeastOneElementOfType(UnknownOutcomeException.class);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "not json", "{\"a\":", "[1, 2]", "\"text\"", "null"})
  void nonsenseIsAnErrorAndNoCrash(String text) {
    fake.answer("x-debug-query-block-graph", () -> text);

    assertThatThrownBy(() -> open().layers()).isInstanceOf(N0Exception.class);
  }

  @Test
  void layersInACircleEnd() {
    fake.answer(
        "x-debug-query-block-graph",
        () -> EDGES.replace(
            "\"edges\": [", "\"edges\": [{\"parent\": 1, \"child\": 1, \"name\": \"backing\"},"));

    assertThatThrownBy(() -> open().layers())
        .isInstanceOfSatisfying(N0Exception.class, e -> code(e, N0Exception.Code.PRECONDITION));
  }

  private static void code(N0Exception e, N0Exception.Code code) {
    assertThat(e.code()).as("%s", e).isEqualTo(code);
  }
}
