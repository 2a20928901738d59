package io.n0stack.n0core.kvm.internal.monitor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.kvm.WaitingQemu;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpSchema;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the driver itself sends is what the installed QEMU understands: here by what stands in its
 * source, in all integration tests by what it really sends.
 */
@Requires(Requirement.QEMU)
class DriverCommandsIT {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Limits LIMITS = new Limits(LIMIT, LIMIT, LIMIT, LIMIT);
  // A command and, if they are written down with it, its arguments.
  private static final Pattern SENT = Pattern.compile(
      "\\b(?:execute|attempt|ignoringAbsence|job)\\(\\s*(?:\\w+,\\s*)?\"([\\w-]+)\"(,\\s*Map\\.of\\()?");
  // QEMU takes any property of a device and tells none of them in its schema.
  private static final Set<String> OPEN = Set.of("device_add");

  @TempDir
  Path directory;

  private Run run;
  private Process qemu;

  @BeforeEach
  void start() throws IOException {
    run = new Run(UUID.randomUUID(), Files.createDirectory(directory.resolve("run.0")));
    qemu = WaitingQemu.start(run, "-machine", "none");
  }

  @AfterEach
  void end() throws InterruptedException {
    qemu.destroyForcibly().waitFor();
  }

  @Test
  void everyCommandAndArgumentInTheSourceExists() throws Exception {
    QmpSchema schema;
    // The first, for nobody may listen at the other yet.
    try (QmpClient client = QmpClient.connect(run.monitor(), LIMIT)) {
      schema = QmpSchema.of(client, LIMIT);
    }
    Map<String, Set<String>> sent = inTheSource();

    Set<String> wrong = new TreeSet<>();
    sent.forEach((command, arguments) -> {
      if (!schema.commands().contains(command)) {
        wrong.add(command);
      } else if (!OPEN.contains(command)) {
        arguments.stream()
            .map(argument -> command + "." + argument)
            .filter(path -> !schema.supports(path))
            .forEach(wrong::add);
      }
    });

    assertThat(wrong).isEmpty();
    assertThat(sent).hasSizeGreaterThan(45);
    assertThat(sent.values().stream().mapToInt(Set::size).sum()).isGreaterThan(30);
  }

  private static Map<String, Set<String>> inTheSource() throws IOException {
    Map<String, Set<String>> sent = new TreeMap<>();
    Path source = Path.of("src/main/java/io/n0stack/n0core/kvm/internal");
    try (Stream<Path> files = Files.walk(source)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
        String text = Files.readString(file);
        Matcher matcher = SENT.matcher(text);
        while (matcher.find()) {
          Set<String> arguments = sent.computeIfAbsent(matcher.group(1), name -> new TreeSet<>());
          if (matcher.group(2) != null) {
            arguments.addAll(keys(text, matcher.end()));
          }
        }
      }
    }
    return sent;
  }

  /** Reads the keys of {@code Map.of(} in a source: every other part between commas. */
  private static List<String> keys(String text, int begin) {
    List<String> keys = new ArrayList<>();
    int depth = 0;
    int parts = 0;
    int start = begin;
    for (int i = begin; depth >= 0; i++) {
      char c = text.charAt(i);
      if (c == '"') {
        i = text.indexOf('"', i + 1); // no text here has a quote in it
      }
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth < 0 || (depth == 0 && c == ',')) {
        String part = text.substring(start, i).strip();
        if (parts % 2 == 0 && part.startsWith("\"")) {
          keys.add(part.substring(1, part.length() - 1));
        }
        parts++;
        start = i + 1;
      }
    }
    return keys;
  }

  @Test
  void whatQemuDoesNotKnowIsNotEvenSentInATest() {
    Map<String, Map<String, ?>> wrong = Map.of(
        "query-statsu", Map.of(),
        "qom-get", Map.of("path", "/machine", "propertee", "type"),
        "qom-list", Map.of(),
        "object-del", Map.of("id", 7),
        "screendump", Map.of("filename", "/none", "format", "gif"));
    try (Monitors monitors = new Monitors();
        Monitor monitor = monitors.toChange("web1", run, LIMITS)) {
      wrong.forEach((command, arguments) -> assertThatExceptionOfType(IllegalStateException.class)
          .as("%s; the tests run with -Dn0core.kvm.strict=true", command)
          .isThrownBy(() -> monitor.execute(command, arguments))
          .withMessageContaining(command));
      assertThatExceptionOfType(IllegalStateException.class)
          .isThrownBy(() -> monitor.execute("getfd", Map.of("name", "tap"), 0))
          .withMessageContaining("getfd.fdname");

      assertThat(monitor.execute("query-status").flag("/running")).isFalse();
    }
  }
}
