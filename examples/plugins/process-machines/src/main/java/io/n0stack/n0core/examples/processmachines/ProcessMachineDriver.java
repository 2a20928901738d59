package io.n0stack.n0core.examples.processmachines;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/** Makes processes {@code tail -qfs86400 FILE}; each launch has a FILE, NAME.UID.LAUNCH: the stamp. */
record ProcessMachineDriver(Path directory) implements Driver<MachineSpec, MachineStatus> {
  static final MachineSpec ONLY = MachineSpec.builder(1, 16 << 20).build();
  private static final String UID = "[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

  @Override
  public Descriptor<MachineSpec, MachineStatus> describe() {
    return new Descriptor<>("machine", "processes", MachineSpec.class, MachineStatus.class);
  }

  @Override
  public Fingerprint probe() {
    Observed<?> none = observe(ResourceId.fresh("machine", "none"));
    return none instanceof Observed.Absent && Files.isWritable(directory)
        ? Fingerprint.healthy(Map.of("process-machines.directory", "" + directory), Map.of())
        : Fingerprint.unhealthy("make " + directory + " writable, show all of /proc: " + none);
  }

  @Override
  public Set<ResourceId> list() {
    String name = "\\Q" + directory + "\\E/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
    return Set.copyOf(launches(name + UID + UID).keySet().stream()
        .map(file -> file.getFileName().toString().split("[.]", -1))
        .map(stamp -> new ResourceId("machine", stamp[0], UUID.fromString(stamp[1])))
        .toList());
  }

  @Override
  public Observed<MachineStatus> observe(ResourceId id) {
    try {
      return look(id);
    } catch (N0Exception e) {
      return Observed.unknown(e.toString());
    }
  }

  private Observed<MachineStatus> look(ResourceId id) {
    var found = launches("[^\0]*/" + id.name() + "[.]" + id.uid() + UID);
    if (found.isEmpty()) {
      return Observed.absent();
    }
    Path file = found.keySet().iterator().next();
    Optional<Long> pid = found.values().iterator().next().map(ProcessHandle::pid);
    MachineState state = pid.isPresent() ? MachineState.RUNNING : MachineState.CRASHED;
    boolean complete = found.size() == 1 && pid.isPresent() && Files.exists(file);
    return new Observed.Present<>(MachineStatus.of(state, pid, Accelerator.AUTO, file), complete);
  }

  /** Finds files, and processes by what the kernel says: nothing else knows for sure who lives. */
  private Map<Path, Optional<ProcessHandle>> launches(String path) {
    Map<Path, Optional<ProcessHandle>> found = new HashMap<>();
    try (Stream<Path> files = Files.list(directory);
        Stream<Path> all = Files.list(Path.of("/proc/1/.."))) { // fails if processes are hidden
      files.filter(f -> f.toString().matches(path)).forEach(f -> found.put(f, Optional.empty()));
      for (Path process : all.filter(p -> p.toString().matches(".*/[0-9]+")).toList()) {
        try {
          var handle = ProcessHandle.of(Long.parseLong("" + process.getFileName()));
          String words = new String(Files.readAllBytes(process.resolve("cmdline")), UTF_8).trim();
          if (words.matches("((setsid\0)?prlimit\0--as=16777216\0)?tail\0-qfs86400\0" + path)) {
            Path file = Path.of(words.replaceFirst("(?s).*\0", ""));
            found.put(file, handle.filter(tail -> words.startsWith("tail")));
          }
        } catch (IOException e) {
          if (!Files.notExists(process)) { // it has not just ended
            throw e;
          }
        }
      }
      return found;
    } catch (IOException | UncheckedIOException e) {
      throw new N0Exception(Code.UNAVAILABLE, "machines", "look for machines: " + e, e);
    }
  }

  @Override
  public void apply(Context cx, ResourceId id, MachineSpec desired) {
    if (!desired.equals(ONLY)) {
      throw new N0Exception(Code.UNSUPPORTED, "spec", desired + ": must be " + ONLY);
    }
    if (!(look(id) instanceof Observed.Present<MachineStatus> found && found.complete())) {
      cx.step("end earlier launches", () -> end(cx, id));
      cx.step("start process", () -> start(cx, id));
    }
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    cx.step("end process", () -> end(cx, id));
  }

  private void start(Context cx, ResourceId id) throws InterruptedException {
    String file = directory + "/" + id.name() + "." + id.uid() + "." + UUID.randomUUID();
    try {
      Files.createFile(Path.of(file));
      new ProcessBuilder("setsid", "prlimit", "--as=16777216", "tail", "-qfs86400", file)
          .redirectInput(Path.of("/dev/null").toFile())
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(Path.of(file).toFile())
          .start();
    } catch (IOException e) {
      Code code = e.toString().contains("No space left") ? Code.EXHAUSTED : Code.UNAVAILABLE;
      throw new N0Exception(code, id.toString(), "start " + id + ": " + e, e);
    }
    while (!(look(id) instanceof Observed.Present<MachineStatus> found && found.complete())) {
      cx.progress(0.5, "wait until " + file + " is followed");
      Thread.sleep(5);
    }
  }

  /** Files first: who has not opened its file by then never becomes a machine, and others show. */
  private void end(Context cx, ResourceId id) throws IOException, InterruptedException {
    String path = "[^\0]*/" + id.name() + "[.]" + id.uid() + UID;
    for (var found = launches(path); !found.isEmpty(); found = launches(path)) {
      for (Path file : found.keySet()) {
        Files.deleteIfExists(file);
      }
      found.values().forEach(process -> process.ifPresent(ProcessHandle::destroyForcibly));
      cx.progress(0.5, "wait until " + id + " has ended");
      Thread.sleep(5);
    }
  }
}
