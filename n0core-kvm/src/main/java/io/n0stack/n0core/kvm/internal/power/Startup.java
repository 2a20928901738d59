package io.n0stack.n0core.kvm.internal.power;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.device.Changes;
import io.n0stack.n0core.kvm.internal.device.Devices;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Seeds;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.VolumeAccess;
import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;

/** Brings a machine from wherever it is to a running guest. */
public final class Startup {
  private static final Map<Chipset, String> ALIASES =
      Map.of(Chipset.Q35, "q35", Chipset.PC, "pc", Chipset.MICROVM, "microvm");

  private final QemuProcess qemu;
  private final Supplier<Accelerator> automatic;
  private final Duration patience;
  private final Saving saving;

  /**
   * Creates it.
   *
   * @param qemu starts and ends processes
   * @param automatic what AUTO means on this host; asked only when a machine is launched
   * @param patience how long a guest may take to release a device
   */
  public Startup(QemuProcess qemu, Supplier<Accelerator> automatic, Duration patience) {
    this.qemu = qemu;
    this.saving = new Saving(qemu);
    this.automatic = automatic;
    this.patience = patience;
  }

  /**
   * Launches QEMU unless it waits already with the board that is wanted, makes its devices what they are to
   * be, lets the guest run.
   *
   * @param cx progress and dependencies
   * @param directory the machine's directory
   * @param record what it is
   * @param seen where it is; not off with its QEMU still there
   */
  public void bringUp(Context cx, MachineDirectory directory, MachineRecord record, Sight seen) {
    ResourceId id = record.id();
    boolean waits = seen.alive() && Changes.restarts(record, record.spec()).isEmpty();
    // What was saved comes back to the board that it was on.
    boolean same = waits || seen.state() == MachineState.SAVED;
    MachineRecord current = same ? record : record.launched();
    Devices devices = Devices.all(cx, current);
    if (seen.alive() && !waits) {
      Run outdated = seen.run().orElseThrow();
      cx.step("end qemu", () -> qemu.within(cx.remaining()).end(id, outdated));
    }
    Run run = waits
        ? seen.run().orElseThrow()
        : cx.step("launch qemu", () -> launch(cx, directory, record, current));
    try (Monitor monitor = qemu.within(cx.remaining()).connect(id, run)) {
      run.linkMonitors();
      if (directory.type().filter(type -> !ALIASES.containsValue(type)).isEmpty()) {
        cx.step("record the machine type", () -> directory.recordType(monitor.type()));
      }
      admit(cx, directory, record.spec());
      Devices plugged = waits ? Devices.missing(cx, current, monitor.devices()) : devices;
      MachineRecord now = plugged.converge(monitor, run, patience);
      if (!now.equals(current)) {
        cx.step("note that the devices are plugged", () -> directory.replace(now));
      }
      plugged.takeBack(monitor, run, directory.last());
      if (directory.memory().saved()) {
        saving.restore(cx, directory, id, run, monitor);
      } else if (monitor.state() == MachineState.PREPARED) {
        cx.step("start the guest", () -> start(monitor, record.spec()));
      }
    }
    if (!directory.started()) {
      cx.step("mark as started", directory::markStarted);
    }
  }

  /**
   * Makes the devices of a machine whose guest has started what they are to be.
   *
   * @param cx progress and dependencies
   * @param directory the machine's directory
   * @param record what it is
   * @param run its launch
   * @throws N0Exception BUSY if the guest has not released yet what it was asked to; it stays asked
   */
  public void change(Context cx, MachineDirectory directory, MachineRecord record, Run run) {
    try (Monitor monitor = qemu.within(cx.remaining()).connect(record.id(), run)) {
      Devices devices = Devices.missing(cx, record, monitor.devices());
      admit(cx, directory, record.spec());
      MachineRecord begun = record;
      if (devices.anyMissing() && record.unfinished() == Unfinished.NONE) {
        MachineRecord drifted = record.wanting(record.spec(), Unfinished.DEVICES);
        cx.step("note that devices are missing", () -> directory.replace(drifted));
        begun = drifted;
      }
      MachineRecord now = devices.converge(monitor, run, patience);
      if (!now.equals(begun)) {
        cx.step("note what is plugged", () -> directory.replace(now));
      }
      if (now.unfinished() != Unfinished.NONE) {
        throw new N0Exception(
            N0Exception.Code.BUSY,
            record.id().toString(),
            "change " + record.id() + ": the guest was asked to release "
                + Devices.requests(run, monitor).pending()
                + " and has not done so yet");
      }
    }
  }

  /**
   * Ends QEMU after noting durably that the machine is off.
   *
   * @param cx progress
   * @param id the machine
   * @param run its launch
   */
  public void turnOff(Context cx, ResourceId id, Run run) {
    cx.step("note that the machine is off", run::markOff);
    cx.step("end qemu", () -> qemu.within(cx.remaining()).end(id, run));
  }

  /**
   * Lets QEMU's user, if it has one of its own, into the files of volumes.
   *
   * @param cx progress, and the statuses of the volumes
   * @param directory the machine's directory, which records what was opened up
   * @param spec whose disks are meant
   * @throws N0Exception PRECONDITION if a volume is not ready
   */
  public static void admit(Context cx, MachineDirectory directory, MachineSpec spec) {
    if (directory.owner().isPresent()) {
      for (String name : Devices.volumes(spec)) {
        VolumeStatus volume = cx.require(StorageDriver.KIND, name, VolumeStatus.class);
        cx.step(
            "let qemu into volume \"" + name + "\"",
            () -> VolumeAccess.allow(directory, name, volume));
      }
    }
  }

  private Run launch(
      Context cx, MachineDirectory directory, MachineRecord before, MachineRecord record) {
    Chipset chipset = record.spec().chipset();
    if (directory.type().filter(type -> !isOf(chipset, type)).isPresent()) {
      directory.recordType(String.valueOf(ALIASES.get(chipset)));
    }
    if (!record.equals(before)) {
      directory.replace(record);
    }
    Accelerator wanted = record.spec().accelerator();
    Accelerator best = wanted == Accelerator.AUTO ? automatic.get() : wanted;
    Seeds.write(cx, directory, record);
    QemuProcess bounded = qemu.within(cx.remaining());
    Run run = directory.memory().saved()
        ? bounded.launchIncoming(directory, record, best)
        : bounded.launch(directory, record, best);
    qemu.patient().within(cx.remaining()).connect(record.id(), run).close();
    qemu.expectLook(record.id(), run); // who had it started sees whether it runs
    return run;
  }

  /** Says whether a recorded type is still the board's, which may have been changed. */
  private static boolean isOf(Chipset chipset, String type) {
    return switch (chipset) {
      case Q35 -> type.contains("q35");
      case PC -> type.equals("pc") || type.startsWith("pc-i440fx");
      case MICROVM -> type.startsWith("microvm");
    };
  }

  private static void start(Monitor monitor, MachineSpec spec) {
    if (Devices.bootsFromDisk(spec)) {
      // The firmware was given its boot order before the disks were plugged in.
      monitor.execute("system_reset");
      monitor.state(); // one more turn of QEMU's main loop, in which it resets
    }
    monitor.execute("cont");
    if (monitor.state() == MachineState.PREPARED) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "guest", "start the guest: it is still waiting");
    }
  }
}
