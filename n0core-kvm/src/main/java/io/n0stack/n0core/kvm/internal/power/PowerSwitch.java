package io.n0stack.n0core.kvm.internal.power;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.guest.GuestSystem;
import io.n0stack.n0core.kvm.internal.device.Devices;
import io.n0stack.n0core.kvm.internal.monitor.GuestAgents;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.SavedMemory;
import io.n0stack.n0core.kvm.internal.snapshot.SnapshotWork;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** Does power actions. */
public final class PowerSwitch {
  // An agent that obeys gives no answer, so that a longer one would be waited in vain.
  private static final Duration TAKEN = Duration.ofSeconds(1);
  private static final int POLL_MILLIS = 50;

  private final QemuProcess qemu;
  private final Startup startup;
  private final Saving saving;
  private final SnapshotWork snapshots;
  private final GuestAgents agents;
  private final Duration buttonPeriod;

  /**
   * Creates it.
   *
   * @param qemu starts and ends processes
   * @param startup starts guests
   * @param agents the agents in guests
   * @param buttonPeriod the time from one press of the power button to the next
   */
  public PowerSwitch(QemuProcess qemu, Startup startup, GuestAgents agents, Duration buttonPeriod) {
    this.qemu = qemu;
    this.startup = startup;
    this.saving = new Saving(qemu);
    this.snapshots = new SnapshotWork(qemu, agents);
    this.agents = agents;
    this.buttonPeriod = buttonPeriod;
  }

  /**
   * Does one action and returns when it has taken effect.
   *
   * @param cx progress, cancellation, deadline
   * @param directory the machine's directory
   * @param record what it is
   * @param seen where it is
   * @param action what to do
   * @throws N0Exception PRECONDITION if its state does not allow the action; UNAVAILABLE if its monitor
   *     does not answer or the guest did not obey in time
   */
  public void act(
      Context cx,
      MachineDirectory directory,
      MachineRecord record,
      Sight seen,
      PowerAction action) {
    require(record.id(), seen.state(), action);
    switch (action) {
      case BOOT -> boot(cx, directory, record, seen);
      case REBOOT -> {
        Run run = seen.run().orElseThrow();
        // What it could not be started with again is found out while it still runs.
        Devices unused = Devices.all(cx, record.launched());
        shutDown(cx, record.id(), run);
        startup.bringUp(cx, directory, record, dead(run, MachineState.SHUTDOWN));
      }
      case HARD_REBOOT -> change(cx, record.id(), seen, "reset", PowerSwitch::reset);
      case SHUTDOWN -> {
        if (seen.state() == MachineState.RUNNING) {
          shutDown(cx, record.id(), seen.run().orElseThrow());
        } else {
          turnOff(cx, record.id(), seen);
        }
      }
      case HARD_SHUTDOWN -> {
        if (seen.state() == MachineState.SAVED) {
          saving.forget(cx, directory, seen);
        } else {
          turnOff(cx, record.id(), seen);
        }
      }
      case PAUSE -> change(cx, record.id(), seen, "pause", monitor -> monitor.execute("stop"));
      case RESUME -> change(cx, record.id(), seen, "resume", monitor -> monitor.execute("cont"));
      case SAVE -> {
        if (seen.state() != MachineState.SAVED) {
          requireFinished(record);
          saving.save(cx, directory, record, seen);
        }
      }
    }
  }

  private static void require(ResourceId id, MachineState state, PowerAction action) {
    Set<MachineState> allowed = switch (action) {
      case BOOT -> EnumSet.complementOf(EnumSet.of(MachineState.FAILED));
      case REBOOT -> EnumSet.of(MachineState.RUNNING);
      case HARD_REBOOT ->
        EnumSet.of(MachineState.RUNNING, MachineState.PAUSED, MachineState.FAILED);
      case SHUTDOWN ->
        EnumSet.of(MachineState.RUNNING, MachineState.SHUTDOWN, MachineState.CRASHED);
      case HARD_SHUTDOWN -> EnumSet.complementOf(EnumSet.of(MachineState.PREPARED));
      case PAUSE -> EnumSet.of(MachineState.RUNNING, MachineState.PAUSED);
      case SAVE -> EnumSet.of(MachineState.RUNNING, MachineState.PAUSED, MachineState.SAVED);
      case RESUME -> EnumSet.of(MachineState.RUNNING, MachineState.PAUSED, MachineState.FAILED);
    };
    if (!allowed.contains(state)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          action + " " + id + ": it is " + state + ", must be one of " + allowed);
    }
  }

  /** What is saved comes back to the board of its record. */
  private static void requireFinished(MachineRecord record) {
    if (record.unfinished() != Unfinished.NONE) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          record.id().toString(),
          PowerAction.SAVE + " " + record.id() + ": a change of it is unfinished, so that its guest"
              + " has another board than its spec says; apply it first");
    }
  }

  private void boot(Context cx, MachineDirectory directory, MachineRecord record, Sight seen) {
    if (seen.state() == MachineState.RUNNING || seen.state() == MachineState.PAUSED) {
      return;
    }
    startup.bringUp(cx, directory, record, seen.ended(cx, record.id(), qemu));
  }

  /**
   * Says whether something was begun that {@link #settle} is to bring to an end.
   *
   * @param directory the machine's directory
   * @param seen where it is
   * @return true if it is neither here nor there
   */
  public boolean unsettled(MachineDirectory directory, Sight seen) {
    return unsettled(directory.memory(), seen) || directory.snapshots().unsettled();
  }

  /** Says whether the guest's memory is neither just in QEMU nor just in the file. */
  private static boolean unsettled(SavedMemory memory, Sight seen) {
    return memory.saving() || memory.restored() || (memory.saved() && seen.alive());
  }

  /**
   * Brings to an end what a process that died has begun.
   *
   * @param cx progress
   * @param directory the machine's directory
   * @param record what it is
   * @param seen where it is
   */
  public void settle(Context cx, MachineDirectory directory, MachineRecord record, Sight seen) {
    if (directory.snapshots().unsettled()) {
      snapshots.settle(cx, new SnapshotWork.Place(directory, record, seen));
    }
    if (unsettled(directory.memory(), seen)) {
      saving.settle(cx, directory, record.id(), seen);
    }
  }

  /**
   * Forgets the memory of a machine that has just been turned off, if any was saved or being saved.
   *
   * @param cx progress
   * @param directory the machine's directory
   */
  public void forget(Context cx, MachineDirectory directory) {
    if (directory.memory().any()) {
      cx.step("forget the memory", directory.memory()::forget);
    }
  }

  private static Sight dead(Run run, MachineState state) {
    return new Sight(state, Optional.empty(), Optional.of(run), Optional.empty());
  }

  private void shutDown(Context cx, ResourceId id, Run run) {
    cx.step("press the power button", () -> pressUntilOff(cx, id, run));
    startup.turnOff(cx, id, run);
  }

  /** Asks the agent in the guest, which also a guest without ACPI may have. */
  private boolean asked(Run run, Duration limit) {
    Optional<GuestAgent> agent = agents.find(run, limit, Limits.least(TAKEN, limit));
    if (agent.isEmpty()) {
      return false;
    }
    try (GuestAgent guest = agent.get()) {
      guest.system().shutdown(GuestSystem.Ending.POWERDOWN);
      return true;
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      return false; // there is still the power button
    }
  }

  /** A guest that has not set up ACPI yet loses the event, so it is repeated. */
  private void pressUntilOff(Context cx, ResourceId id, Run run) {
    String operation = "shut down " + id;
    long pressed = System.nanoTime() - buttonPeriod.toNanos();
    try (Monitor monitor = qemu.within(cx.remaining()).connect(id, run)) {
      boolean asked = false;
      while (monitor.state() != MachineState.SHUTDOWN) {
        if (cx.remaining().isZero()) {
          throw new N0Exception(
              N0Exception.Code.UNAVAILABLE,
              id.toString(),
              operation + ": the guest obeyed neither its agent nor the power button in time");
        }
        cx.progress(0, "waiting for the guest to shut down");
        if (System.nanoTime() - pressed >= buttonPeriod.toNanos()) {
          boolean took = !asked
              && GuestAgents.listens(monitor, run)
              && asked(run, Limits.least(agents.sign(), cx.remaining()));
          if (!took) {
            monitor.execute("system_powerdown");
          }
          asked |= took;
          pressed = System.nanoTime();
        }
        Pauses.pause(operation, POLL_MILLIS);
      }
    }
  }

  private void turnOff(Context cx, ResourceId id, Sight seen) {
    if (seen.alive() || seen.state() == MachineState.CRASHED) {
      startup.turnOff(cx, id, seen.run().orElseThrow());
    }
  }

  private interface Change {
    void make(Monitor monitor);
  }

  private void change(Context cx, ResourceId id, Sight seen, String step, Change change) {
    cx.step(step, () -> {
      Run run = seen.run().orElseThrow();
      try (Monitor monitor = qemu.within(cx.remaining()).connect(id, run)) {
        change.make(monitor);
      }
    });
  }

  private static void reset(Monitor monitor) {
    monitor.execute("system_reset");
    if (monitor.state() != MachineState.RUNNING) {
      monitor.execute("cont");
    }
  }
}
