package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Tells a machine's balloon how much memory the guest is to keep. The guest follows in its own time, if it has a
 * driver. QEMU says how far it is but not what it was told, so that is noted in the launch's directory.
 */
final class Balloon {
  private static final long MIB = 1 << 20;

  private final Monitor monitor;
  private final Path note;

  Balloon(Monitor monitor, Run run) {
    this.monitor = monitor;
    note = run.directory().resolve("balloon");
  }

  /** Returns what of its memory a guest is to keep; empty for all. */
  static Optional<Long> target(MachineSpec spec) {
    return spec.hardware().flatMap(Hardware::memory).flatMap(Hardware.Memory::targetBytes);
  }

  /**
   * Sets what the spec wants. QEMU is told also if it was before, which does nothing: what it had been told may
   * have gone since, with the state of a snapshot.
   */
  void adjust(Context cx, MachineSpec spec) {
    Optional<String> told = told();
    if (told.isEmpty() && target(spec).isEmpty() && monitor.state() == MachineState.PREPARED) {
      return; // a guest that has not started was told nothing on another host either
    }
    long all = size();
    // Memory that was plugged stays until the next start, also if less is wanted by now.
    long wanted = target(spec).filter(target -> target < all).orElse(all);
    boolean news = told.isPresent()
        ? !told.get().equals(String.valueOf(wanted))
        : wanted < all || actual() != all;
    if (news) {
      requireStill();
      cx.step("ask the guest to keep " + wanted / MIB + " MiB of memory", () -> tell(wanted));
    } else {
      set(wanted);
    }
  }

  private void tell(long bytes) {
    try {
      DurableFiles.replace(note, "");
      set(bytes);
      DurableFiles.replace(note, String.valueOf(bytes));
    } catch (IOException e) {
      throw DurableFiles.failure(note.toString(), "note what the balloon was told", e);
    }
  }

  private Optional<String> told() {
    try {
      return GuardedFiles.note(note);
    } catch (IOException e) {
      throw DurableFiles.failure(note.toString(), "read what the balloon was told", e);
    }
  }

  private void set(long bytes) {
    monitor.execute("balloon", Map.of("value", bytes));
  }

  private long actual() {
    return monitor.execute("query-balloon").number("/actual");
  }

  private long size() {
    QmpResult now = monitor.execute("query-memory-size-summary");
    return now.number("/base-memory")
        + now.find("/plugged-memory").map(plugged -> plugged.number("")).orElse(0L);
  }

  private void requireStill() {
    if (new Found(monitor).moving()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          "hardware.memory.targetBytes",
          "ask the guest to keep less memory: it is being moved or saved");
    }
  }
}
