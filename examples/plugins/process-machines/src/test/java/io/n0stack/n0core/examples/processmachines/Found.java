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
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Finds what there is on the data plane, apart from the code under test. */
final class Found {
  private Found() {}

  /** Lists files, and processes of any state whose input or command names the directory. */
  static List<String> residue(Path root) {
    List<String> found = new ArrayList<>();
    try (Stream<Path> files = Files.walk(root)) {
      files.map(Path::toString).filter(name -> !name.equals(root.toString())).forEach(found::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    processes(root).forEach(pid -> found.add("process " + pid));
    return found.stream().sorted().toList();
  }

  static List<Long> processes(Path root) {
    return ProcessHandle.allProcesses()
        .map(ProcessHandle::pid)
        .filter(pid -> input(pid).startsWith(root.toString()) || names(pid, root))
        .toList();
  }

  private static String input(long pid) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/" + pid + "/fd/0")).toString();
    } catch (IOException e) {
      return "";
    }
  }

  private static boolean names(long pid, Path root) {
    try {
      String command =
          Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
      return command.startsWith("setsid\0") && command.contains(root.toString());
    } catch (IOException e) {
      return false;
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
