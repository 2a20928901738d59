package io.n0stack.n0core.examples.processmachines;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What the conformance kit needs to know: a directory of machines on a small disk. */
record ProcessMachines(SmallDisk disk) implements DriverFixture<MachineSpec, MachineStatus> {
  Path directory() {
    return disk.mount().resolve("machines");
  }

  @Override
  public Driver<MachineSpec, MachineStatus> open() {
    return new ProcessMachineDriver(directory());
  }

  @Override
  public MachineSpec spec() {
    return ProcessMachineDriver.ONLY;
  }

  @Override
  public List<String> residue() {
    return Found.residue(directory());
  }

  @Override
  public Object contents() {
    Map<Path, String> contents = new TreeMap<>();
    for (Path file : Found.files(directory())) {
      attempt(() -> contents.put(file, Files.readString(file)));
    }
    return List.of(residue(), contents);
  }

  @Override
  public Optional<FixtureRecipe> recipe() {
    return Optional.of(new FixtureRecipe(Factory.class, List.of(disk.mount().toString())));
  }

  /** Creates the fixture in another process. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new ProcessMachines(new SmallDisk(Path.of(arguments.get(0))));
    }
  }

  /** Files with half of a stamp, and somebody who follows one of them in another way. */
  @Override
  public Optional<Undo> plantForeign(ResourceId near) {
    String stamp = near.name() + "." + near.uid();
    List<Path> files = Stream.of(near.name(), stamp, stamp + ".1234", stamp + ".log")
        .map(directory()::resolve)
        .toList();
    files.forEach(file -> attempt(() -> Files.writeString(file, "not ours")));
    List<Process> watchers = Stream.of("-f", "-qfs86400")
        .map(options -> start("tail", options, files.get(1).toString()))
        .toList();
    return Optional.of(() -> {
      for (Process watcher : watchers) {
        assertThat(watcher.isAlive()).isTrue();
        watcher.destroyForcibly();
        watcher.onExit().orTimeout(10, TimeUnit.SECONDS).join();
      }
      files.forEach(file -> attempt(() -> Files.delete(file)));
    });
  }

  private static Process start(String... command) {
    try {
      return new ProcessBuilder(command)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Optional<Undo> cutOff(Driver<MachineSpec, MachineStatus> driver) {
    Path away = disk.mount().resolve("away");
    attempt(() -> Files.move(directory(), away));
    attempt(() -> Files.createFile(directory()));
    return Optional.of(() -> {
      attempt(() -> Files.delete(directory()));
      attempt(() -> Files.move(away, directory()));
    });
  }

  @Override
  public Optional<Undo> fillDisk() {
    return Optional.of(disk.fill());
  }

  @Override
  public List<MachineSpec> hostile() {
    Path odd = Path.of("/$(touch x), '\"");
    return Stream.of(new Firmware.Kernel(odd, Optional.of(odd), "'; reboot"), new Firmware.Rom(odd))
        .map(firmware -> MachineSpec.builder(1, 16 << 20).firmware(firmware).build())
        .toList();
  }

  @Override
  public Map<Topic, String> notApplicable() {
    return Map.of(
        Topic.UPDATE, "there is one spec",
        Topic.SILENT_RESOURCE, "the kernel answers for a process",
        Topic.CAPABILITIES, "offers none");
  }

  private interface Io {
    void run() throws IOException;
  }

  private static void attempt(Io io) {
    try {
      io.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
