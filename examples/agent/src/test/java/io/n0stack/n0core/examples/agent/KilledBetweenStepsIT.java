package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An agent with the real drivers dies between any two steps of creating the quickstart's machine. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledBetweenStepsIT {
  private static final int MOST_POINTS = 80;
  private static final String NETNS = "n0core-killed-" + ProcessHandle.current().pid();

  @TempDir
  Path logs;

  // Not a @TempDir: the paths of unix sockets below it must stay short.
  private Path home;

  @BeforeEach
  void makeNetworkNamespace() throws Exception {
    home = Files.createTempDirectory(Path.of("/tmp"), "n0k");
    assertThat(run(List.of("ip", "netns", "add", NETNS)).exit()).isZero();
  }

  @AfterEach
  void removeAll() throws Exception {
    for (long pid : emulators()) {
      ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }
    assertThat(run(List.of("ip", "netns", "delete", NETNS)).exit()).isZero();
    assertThat(run(List.of("rm", "-rf", home.toString())).exit()).isZero();
  }

  @Test
  void thereIsOneMachineOneEmulatorAndTheRightSpecWhereverItDies() throws Exception {
    writeBundle();
    int deaths = 0;
    for (int point = 0; point < MOST_POINTS; point++) {
      Result life = run(java(point));
      assertThat(life.output()).as("life %d", point).doesNotContain("WRONG", "Exception in thread");
      if (life.exit() == 0) {
        assertThat(life.output()).contains("completed with " + point + " points");
        break;
      }
      assertThat(life.exit()).as(life.output()).isEqualTo(137);
      assertThat(emulators())
          .as("emulators after death %d: %s", point, life.output())
          .hasSizeLessThan(2);
      deaths++;
    }
    assertThat(deaths).as("points at which it died").isBetween(12, MOST_POINTS - 1);
    assertThat(emulators()).isEmpty();
    assertThat(run(List.of("ip", "-n", NETNS, "-o", "link")).output().lines()).hasSize(1);
    try (Stream<Path> left = Files.walk(home)) {
      assertThat(left.filter(path ->
                  path.startsWith(home.resolve("kvm")) || path.startsWith(home.resolve("volumes")))
              .filter(path ->
                  !path.equals(home.resolve("kvm")) && !path.equals(home.resolve("volumes"))))
          .isEmpty();
    }
  }

  private void writeBundle() throws Exception {
    Path rom = home.resolve("nano.rom");
    try (InputStream in = Objects.requireNonNull(KilledBetweenStepsIT.class.getResourceAsStream(
        "/io/n0stack/n0core/kvm/internal/nano.rom"))) {
      Files.copy(in, rom);
    }
    Path base = home.resolve("base.qcow2");
    assertThat(run(List.of("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "64M"))
            .exit())
        .isZero();
    Files.writeString(home.resolve("bundle.json"), """
        {"resources": [
          {"kind": "network", "name": "lan",
           "spec": {"type": "flat", "gateway": {"addresses": ["10.77.0.1/24"], "nat": "none"}}},
          {"kind": "port", "name": "web1-eth0",
           "spec": {"network": "lan", "ownerUid": 0, "antiSpoof": "off", "isolation": "shared"}},
          {"kind": "volume", "name": "web1-root",
           "spec": {"format": "qcow2", "source": {"type": "backing", "image": "%s", "format": "qcow2"}}},
          {"kind": "machine", "name": "web1",
           "spec": {"vcpus": 1, "memoryBytes": 33554432, "disks": [{"volume": "web1-root"}],
                    "nics": [{"port": "web1-eth0"}], "firmware": {"type": "rom", "image": "%s"},
                    "chipset": "q35", "accelerator": "tcg", "display": "none", "powerPolicy": "always-on"}}
        ]}
        """.formatted(base, rom));
  }

  private List<String> java(int point) {
    return List.of(
        "ip",
        "netns",
        "exec",
        NETNS,
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-cp",
        System.getProperty("java.class.path"),
        Victim.class.getName(),
        home.toString(),
        home.resolve("bundle.json").toString(),
        Integer.toString(point));
  }

  private record Result(int exit, String output) {}

  private Result run(List<String> command) throws IOException, InterruptedException {
    Path log = logs.resolve("output");
    Process process = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
    if (!process.waitFor(2, TimeUnit.MINUTES)) {
      process.destroyForcibly().waitFor();
      throw new AssertionError(command + " takes more than two minutes: " + Files.readString(log));
    }
    return new Result(process.exitValue(), Files.readString(log));
  }

  private List<Long> emulators() throws IOException {
    List<Long> found = new ArrayList<>();
    List<ProcessHandle> all = ProcessHandle.allProcesses().toList();
    for (ProcessHandle process : all) {
      Path cmdline = Path.of("/proc/" + process.pid() + "/cmdline");
      String line = Files.exists(cmdline) ? readQuietly(cmdline) : "";
      if (line.startsWith("qemu-system") && line.contains(home + "/kvm/")) {
        found.add(process.pid());
      }
    }
    return found;
  }

  private static String readQuietly(Path file) {
    try {
      return Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return ""; // it ended between the listing and the look
    }
  }
}
