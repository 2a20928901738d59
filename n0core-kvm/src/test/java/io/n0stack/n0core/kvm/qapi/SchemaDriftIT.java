package io.n0stack.n0core.kvm.qapi;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.kvm.qapi.Schema.Extent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.kvm.qmp.Results;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every fact that the facade relies on is a fact of the installed QEMU. */
@Requires(Requirement.QEMU)
class SchemaDriftIT {
  private static final int ROUNDS = 24; // more than any list that is read has words
  /** Commands whose options are open: one good set each. */
  private static final Map<String, Object> OPEN = Map.of(
      "deviceAdd", Map.of("driver", "virtio-rng-pci", "id", "rng0"),
      "objectAdd", Map.of("qom-type", "rng-random", "id", "rng0"),
      "netdevAdd", Map.of("type", "user", "id", "net0"),
      "BlockCommands.add", Map.of("driver", "null-co", "node-name", "disk0"),
      "reopen", List.of(Map.of("driver", "null-co", "node-name", "disk0")),
      "create", Map.of("driver", "file", "filename", "/disk", "size", 1024),
      "ExportCommands.add", Map.of("type", "nbd", "id", "e", "node-name", "disk0"),
      "ChardevCommands.add", Map.of("type", "null", "data", Map.of()),
      "change", Map.of("type", "null", "data", Map.of()),
      "expand", Map.of("avx", false));

  @TempDir
  static Path directory;

  private static Schema schema;
  private static QemuVersion version;

  private final Set<String> sent = new TreeSet<>();
  private final Set<String> wrong = new TreeSet<>();
  private Extent extent = Extent.MOST;
  private int round;

  private final Qapi qapi = new Qapi(new Call(
      new Call.Wire() {
        @Override
        public QmpResult execute(String command, Map<String, ?> arguments, Duration deadline) {
          return answer(command, arguments);
        }

        @Override
        public QmpResult lend(
            String command, Map<String, ?> arguments, int descriptor, Duration deadline) {
          return answer(command, arguments);
        }

        @Override
        public QmpResult urge(String command, Map<String, ?> arguments, Duration deadline) {
          if (!schema.isUrgent(command)) {
            wrong.add(command + " cannot be run out of band");
          }
          return answer(command, arguments);
        }

        @Override
        public Subscription subscribe(Executor executor, QmpListener listener) {
          throw new UnsupportedOperationException();
        }
      },
      Duration.ofSeconds(1)));

  @BeforeAll
  static void readSchema() throws Exception {
    try (Qemu qemu = Qemu.start(directory, "-machine", "none")) {
      schema = new Schema(qemu.client().execute("query-qmp-schema", Qemu.LIMIT).toString());
      version = qemu.qapi().machine().version();
    }
  }

  private QmpResult answer(String command, Map<String, ?> arguments) {
    sent.add(command);
    wrong.addAll(schema.judge(command, arguments));
    if (!schema.has(command)) {
      return Results.of("{}");
    }
    JsonNode result = schema.result(command, extent, round);
    if (command.equals("qom-get")) {
      return Results.of(BalloonSample.JSON);
    }
    for (String uuid : List.of("UUID", "guid")) {
      if (result.has(uuid)) {
        ((ObjectNode) result).put(uuid, "7ba2f7f4-4a9e-4a4e-a4ae-2a3f61a5e1f9");
      }
    }
    return Results.of(result.toString());
  }

  @Test
  void everyCommandAndArgumentExistsAndEveryResultIsRead() throws Exception {
    Findings findings = new Findings();
    for (round = 0; round < ROUNDS; round++) {
      for (Method group : Qapi.class.getDeclaredMethods()) {
        if (group.getReturnType().getSimpleName().endsWith("Commands")) {
          runAll(group.invoke(qapi), findings);
        }
      }
    }

    assertThat(wrong).isEmpty();
    assertThat(findings.neverSeen()).isEmpty();
    assertThat(sent).hasSizeGreaterThan(120);
  }

  @Test
  void resultsWithoutOptionalPartsAndOfTheFutureAreRead() throws Exception {
    for (Extent each : List.of(Extent.LEAST, Extent.FUTURE)) {
      extent = each;
      for (round = 0; round < (each == Extent.LEAST ? ROUNDS : 2); round++) {
        for (Method group : Qapi.class.getDeclaredMethods()) {
          if (group.getReturnType().getSimpleName().endsWith("Commands")) {
            runAll(group.invoke(qapi), new Findings());
          }
        }
      }
    }
  }

  private void runAll(Object commands, Findings findings) throws Exception {
    for (Method method : commands.getClass().getDeclaredMethods()) {
      boolean again = round > 0 && method.getReturnType() == void.class;
      if (Modifier.isPublic(method.getModifiers()) && !method.isSynthetic() && !again) {
        String name = commands.getClass().getSimpleName() + "." + method.getName();
        List<List<Object>> choices = Arrays.stream(method.getGenericParameterTypes())
            .map(type -> type.getTypeName().contains("Map<java.lang.String")
                ? List.of(OPEN.getOrDefault(name, OPEN.getOrDefault(method.getName(), "none")))
                : Samples.of(type))
            .toList();
        // The arguments vary in the first round, the results in all.
        int calls = round > 0 ? 1 : choices.stream().mapToInt(List::size).max().orElse(1);
        for (int call = 0; call < calls; call++) {
          int now = call;
          Object[] arguments =
              choices.stream().map(each -> each.get(now % each.size())).toArray();
          try {
            findings.look(method.invoke(commands, arguments), name);
          } catch (InvocationTargetException e) {
            throw new AssertionError(name + Arrays.toString(arguments), e.getCause());
          }
        }
      }
    }
  }

  @Test
  void everyEventIsDecodedInEveryForm() throws Exception {
    Findings findings = new Findings();
    Set<String> others = new TreeSet<>();
    for (String name : schema.names("event")) {
      for (Extent each : Extent.values()) {
        for (round = 0; round < ROUNDS; round++) {
          String data = schema.event(name, each, round).toString();
          Event event = Event.of(Results.event(name, data));
          if (event instanceof Event.Other) {
            others.add(name);
          }
          if (each == Extent.MOST) {
            findings.look(event, name);
          }
        }
      }
    }

    assertThat(schema.names("event")).containsAll(EventDecoder.names());
    if (version.major() == 7 && version.minor() == 2) {
      assertThat(EventDecoder.names()).hasSize(52);
      assertThat(others).isEmpty();
    }
    assertThat(findings.neverSeen()).isEmpty();
  }
}
