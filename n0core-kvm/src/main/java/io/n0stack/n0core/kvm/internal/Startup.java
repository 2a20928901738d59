package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.function.Supplier;

/** Brings a machine from wherever it is to a running guest. */
public final class Startup {
  private final QemuProcess qemu;
  private final Supplier<Accelerator> automatic;
  private final Saving saving;

  /**
   * Creates it.
   *
   * @param qemu starts and ends processes
   * @param automatic what AUTO means on this host; asked only when a machine is launched
   */
  public Startup(QemuProcess qemu, Supplier<Accelerator> automatic) {
    this.qemu = qemu;
    this.saving = new Saving(qemu);
    this.automatic = automatic;
  }

  /**
   * Launches QEMU unless it waits already, plugs in what is missing, lets the guest run.
   *
   * @param cx progress and dependencies
   * @param directory the machine's directory
   * @param record what it is
   * @param seen where it is; not off with its QEMU still there
   */
  public void bringUp(Context cx, MachineDirectory directory, MachineRecord record, Sight seen) {
    ResourceId id = record.id();
    Devices devices = Devices.of(cx, record.spec());
    Run run;
    if (seen.alive()) {
      run = seen.run().orElseThrow();
    } else {
      run = cx.step("launch qemu", () -> launch(cx, directory, record));
    }
    try (Monitor monitor = qemu.within(cx.remaining()).connect(id, run)) {
      if (directory.type().isEmpty()) {
        cx.step("record the machine type", () -> directory.recordType(monitor.type()));
      }
      devices.plug(cx, monitor);
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

  private Run launch(Context cx, MachineDirectory directory, MachineRecord record) {
    Accelerator wanted = record.spec().accelerator();
    Accelerator best = wanted == Accelerator.AUTO ? automatic.get() : wanted;
    QemuProcess bounded = qemu.within(cx.remaining());
    Run run = directory.memory().saved()
        ? bounded.launchIncoming(directory, record, best)
        : bounded.launch(directory, record, best);
    qemu.within(cx.remaining()).connect(record.id(), run).close();
    return run;
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
