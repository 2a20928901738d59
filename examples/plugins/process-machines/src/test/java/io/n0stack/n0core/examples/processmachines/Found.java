package io.n0stack.n0core.examples.processmachines;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Finds what there is on the data plane, apart from the code under test. */
final class Found {
  private Found() {}

  /** Lists files, and processes of any kind whose command names the directory. */
  static List<String> residue(Path root) {
    Stream<String> processes = processes(root).stream().map(pid -> "process " + pid);
    return Stream.concat(files(root).stream().map(Path::toString), processes)
        .sorted()
        .toList();
  }

  static List<Path> files(Path root) {
    try (Stream<Path> files = Files.list(root)) {
      return files.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<Long> processes(Path root) {
    return ProcessHandle.allProcesses()
        .map(ProcessHandle::pid)
        .filter(pid -> command(pid).contains("\0" + root + "/"))
        .toList();
  }

  private static String command(long pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }

  static MachineStatus complete(ProcessMachineDriver driver, ResourceId id) {
    Observed<MachineStatus> seen = driver.observe(id);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    Observed.Present<MachineStatus> present = (Observed.Present<MachineStatus>) seen;
    assertThat(present.complete()).as("%s", present).isTrue();
    return present.status();
  }
}
