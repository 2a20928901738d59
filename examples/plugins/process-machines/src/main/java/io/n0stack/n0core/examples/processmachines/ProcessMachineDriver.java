package io.n0stack.n0core.examples.processmachines;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * Makes "machines" that are plain processes: {@code sleep infinity}, each in a session of its own.
 * They have no guest, no devices and no firmware, so a spec that asks for any of these is refused.
 */
final class ProcessMachineDriver implements ComputeDriver {
  private static final Set<MachineState> ON = EnumSet.of(MachineState.RUNNING, MachineState.PAUSED);
  private static final Set<PowerAction> ABLE = EnumSet.of(
      PowerAction.BOOT, PowerAction.HARD_SHUTDOWN, PowerAction.PAUSE, PowerAction.RESUME);

  private final Path root;

  ProcessMachineDriver(Path root) {
    this.root = root;
  }

  @Override
  public Descriptor<MachineSpec, MachineStatus> describe() {
    return new Descriptor<>(KIND, "processes", MachineSpec.class, MachineStatus.class);
  }

  @Override
  public Fingerprint probe() {
    if (!Files.isDirectory(root) || !Files.isWritable(root)) {
      return Fingerprint.unhealthy("create " + root + " and make it writable");
    }
    try {
      return Launch.run(new ProcessBuilder("flock", "--version")) == 0
          ? Fingerprint.healthy(Map.of("process-machines.directory", root.toString()), Map.of())
          : Fingerprint.unhealthy("flock does not work; install util-linux");
    } catch (IOException | N0Exception e) {
      return Fingerprint.unhealthy("install util-linux: " + e.getMessage());
    }
  }

  @Override
  public Set<ResourceId> list() {
    try {
      return MachineDirectory.list(root);
    } catch (IOException e) {
      throw new N0Exception(Code.UNAVAILABLE, "machines", "list machines in " + root + ": " + e, e);
    }
  }

  @Override
  public Observed<MachineStatus> observe(ResourceId id) {
    MachineDirectory directory = new MachineDirectory(root, id);
    try {
      return directory
          .find()
          .<Observed<MachineStatus>>map(status -> new Observed.Present<>(
              status,
              directory.exists()
                  && (ON.contains(status.state()) || status.state() == MachineState.SHUTDOWN)))
          .orElseGet(Observed::absent);
    } catch (IOException | N0Exception e) {
      return Observed.unknown("look at " + id + ": " + e);
    }
  }

  /** Looks, and fails if that is not possible: what cannot be seen is neither made nor ended. */
  private Observed<MachineStatus> look(ResourceId id) {
    Observed<MachineStatus> seen = observe(id);
    if (seen instanceof Observed.Unknown<MachineStatus> unknown) {
      throw new N0Exception(Code.UNAVAILABLE, id.toString(), unknown.why());
    }
    return seen;
  }

  @Override
  public void apply(Context cx, ResourceId id, MachineSpec desired) {
    requireProcess(desired);
    MachineDirectory directory = new MachineDirectory(root, id);
    Observed<MachineStatus> seen = look(id);
    if (seen instanceof Observed.Present<MachineStatus> found && found.complete()) {
      return;
    }
    if (!directory.exists()) {
      delete(cx, id); // in case a deletion was begun
      cx.step("create machine directory", directory::create);
    }
    start(cx, directory);
  }

  private static void start(Context cx, MachineDirectory directory) {
    cx.step("fence earlier launches", directory::fence);
    cx.step("start process", () -> directory.freshLaunch().start());
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    MachineDirectory directory = new MachineDirectory(root, id);
    if (look(id) instanceof Observed.Present) {
      if (directory.exists()) {
        cx.step("rename machine directory aside", directory::doom);
      }
      cx.step("end processes", directory::endDoomed);
      cx.step("remove machine directory", directory::removeDoomed);
    }
  }

  @Override
  public void power(Context cx, ResourceId machine, PowerAction action) {
    require(ABLE.contains(action), "action", action, "must be one of " + ABLE);
    MachineDirectory directory = new MachineDirectory(root, machine);
    if (!(look(machine) instanceof Observed.Present<MachineStatus> found) || !directory.exists()) {
      throw new N0Exception(
          Code.NOT_FOUND, machine.toString(), "find " + machine + ": there is none");
    }
    MachineState state = found.status().state();
    boolean started = state != MachineState.PREPARED;
    if (ON.contains(state) || (action == PowerAction.HARD_SHUTDOWN && started)) {
      change(cx, directory, action);
    } else if (action == PowerAction.BOOT) {
      start(cx, directory);
    } else {
      throw new N0Exception(
          Code.PRECONDITION,
          machine.toString(),
          action + " " + machine + ": it is " + state + ", must be one of " + ON);
    }
  }

  private static void change(Context cx, MachineDirectory directory, PowerAction action) {
    if (action == PowerAction.PAUSE) {
      cx.step("pause", () -> directory.launch().signal("STOP", MachineState.PAUSED));
    } else if (action == PowerAction.RESUME) {
      cx.step("resume", () -> directory.launch().signal("CONT", MachineState.RUNNING));
    } else if (action == PowerAction.HARD_SHUTDOWN) {
      cx.step("note that it is off", () -> directory.launch().markOff());
      cx.step("end process", () -> directory.launch().end());
    }
  }

  /** All that can be asked for is the one machine that a process can be. */
  private static void requireProcess(MachineSpec desired) {
    MachineSpec process = MachineSpec.builder(1, Launch.MEMORY_BYTES).build();
    requireSame("vcpus", desired.vcpus(), process.vcpus());
    requireSame("memoryBytes", desired.memoryBytes(), process.memoryBytes());
    requireSame("disks", desired.disks(), process.disks());
    requireSame("nics", desired.nics(), process.nics());
    requireSame("firmware", desired.firmware(), process.firmware());
    requireSame("chipset", desired.chipset(), process.chipset());
    requireSame("accelerator", desired.accelerator(), process.accelerator());
    requireSame("display", desired.display(), process.display());
    requireSame("powerPolicy", desired.powerPolicy(), process.powerPolicy());
    requireSame("cloudInit", desired.cloudInit(), process.cloudInit());
    requireSame("limits", desired.limits(), process.limits());
  }

  private static void requireSame(String field, Object asked, Object only) {
    require(asked.equals(only), field, asked, "must be " + only + ": it is only a process");
  }

  private static void require(boolean holds, String field, Object value, String rule) {
    if (!holds) {
      throw new N0Exception(
          Code.UNSUPPORTED,
          field,
          "unsupported " + field + " " + Rules.quote(String.valueOf(value)) + ": " + rule);
    }
  }
}
