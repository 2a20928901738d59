package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.commandline.LaunchFiles;
import io.n0stack.n0core.kvm.internal.commandline.QemuCommandLine;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.monitor.Silence;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Processes;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts and ends QEMU processes, which are nobody's children once the agent is gone. */
public final class QemuProcess {
  private static final Logger LOG = LoggerFactory.getLogger(QemuProcess.class);
  private static final int LOG_TAIL = 2048;

  private final String program;
  private final Limits limits;
  private final Boarding boarding;
  private final Monitors monitors;

  /**
   * Creates a launcher.
   *
   * @param program QEMU's system emulator, a path or a name on PATH
   * @param limits how long is waited
   * @param boarding makes the host ready
   * @param monitors the connections
   */
  public QemuProcess(String program, Limits limits, Boarding boarding, Monitors monitors) {
    this.program = program;
    this.limits = limits;
    this.boarding = boarding;
    this.monitors = monitors;
  }

  /**
   * Waits no longer than an operation may take.
   *
   * @param remaining the time left
   * @return the same with shorter limits
   */
  public QemuProcess within(Duration remaining) {
    return new QemuProcess(program, limits.within(remaining), boarding, monitors);
  }

  /**
   * Is as patient with a monitor as with a launch: nobody else knows the monitors of a QEMU that has just been
   * started, so one that does not greet is slow and not busy.
   *
   * @return the same with a longer limit
   */
  public QemuProcess patient() {
    Limits longer = new Limits(limits.launch(), limits.command(), limits.launch(), limits.end());
    return new QemuProcess(program, longer, boarding, monitors);
  }

  /**
   * Fences all earlier launches and starts a new one, its guest not yet running.
   *
   * @param directory the machine's directory
   * @param record what it is
   * @param accelerator what executes the guest's instructions
   * @return the launch, whose monitors answer
   * @throws N0Exception INTERNAL if QEMU ended at once, with what it printed; EXHAUSTED if it ended for
   *     want of room; UNAVAILABLE if it did not come up in time
   */
  public Run launch(MachineDirectory directory, MachineRecord record, Accelerator accelerator) {
    return launch(directory, record, accelerator, List.of());
  }

  private Run launch(
      MachineDirectory directory,
      MachineRecord record,
      Accelerator accelerator,
      List<String> further) {
    directory.runs().forEach(directory::fence);
    // It may have got its lock between our look and the fence, or before an agent died right after
    // its own fence; either way it was never told to run its guest.
    kill(record.id(), directory.last());
    Optional<Owner> owner = boarding.owner(directory);
    Run run = directory.freshRun();
    Optional<Process> process = Optional.empty();
    try {
      run.record(accelerator);
      LaunchFiles files = boarding.files(directory, record, run);
      boarding.helpers(directory, record, run, limits.launch());
      process = Optional.of(start(directory, record, accelerator, files, owner, further));
      awaitUp(record.id(), run, process.get());
      LOG.info("{}: qemu {} started with {}", record.id(), process.get().pid(), accelerator);
    } catch (IOException e) {
      throw DurableFiles.failure(record.id().toString(), "launch qemu of " + record.id(), e);
    } finally {
      boarding.cgroups().launched(record.id().uid());
      if (process.filter(Process::isAlive).isEmpty()) {
        boarding.tidy(run, limits.end());
      }
    }
    return run;
  }

  /**
   * Launches one that waits to be told where the state of its guest comes from.
   *
   * @param directory the machine's directory
   * @param record what it is
   * @param accelerator what executes the guest's instructions
   * @return the launch, whose monitors answer
   * @throws N0Exception as {@link #launch}
   */
  public Run launchIncoming(
      MachineDirectory directory, MachineRecord record, Accelerator accelerator) {
    return launch(directory, record, accelerator, List.of("-incoming", "defer"));
  }

  private Process start(
      MachineDirectory directory,
      MachineRecord record,
      Accelerator accelerator,
      LaunchFiles files,
      Optional<Owner> owner,
      List<String> further)
      throws IOException {
    Run run = files.run();
    String type = directory
        .type()
        .orElse(
            switch (record.spec().chipset()) {
              case PC -> "pc";
              case Q35 -> "q35";
              case MICROVM -> "microvm";
            });
    List<String> arguments =
        new ArrayList<>(QemuCommandLine.of(program, record, type, accelerator, files));
    arguments.addAll(further);
    return new ProcessBuilder(
            boarding.confinement(record, run, owner, accelerator).around(arguments))
        .redirectInput(Redirect.from(Path.of("/dev/null").toFile()))
        .redirectErrorStream(true)
        .redirectOutput(Redirect.appendTo(run.log().toFile()))
        .start();
  }

  private void awaitUp(ResourceId id, Run run, Process process) {
    String operation = "launch qemu of " + id;
    boolean up = Pauses.until(
        operation, limits.launch(), () -> run.locked().isPresent() || !process.isAlive());
    if (!up) {
      throw new OperationTimeoutException(operation, limits.launch());
    }
    if (!process.isAlive()) {
      String said = tail(run.log());
      boolean full = said.contains("No space left on device")
          || said.contains("annot allocate memory")
          || full(run.directory());
      throw new N0Exception(
          full ? N0Exception.Code.EXHAUSTED : N0Exception.Code.INTERNAL,
          id.toString(),
          operation + ": it ended with status " + process.exitValue() + ": "
              + (full && said.isEmpty() ? "its file system is full" : said));
    }
  }

  /** QEMU has its lock and its sockets before it has the guest's memory, and may end without that. */
  private static N0Exception endedEarly(ResourceId id, Run run, N0Exception e) {
    String said = tail(run.log());
    return said.isEmpty()
        ? e
        : new N0Exception(
            said.contains("annot allocate memory") ? N0Exception.Code.EXHAUSTED : e.code(),
            id.toString(),
            "connect to " + id + ": qemu has ended: " + said,
            e);
  }

  /** On a full file system QEMU cannot even log why it ends. */
  private static boolean full(Path directory) {
    try {
      return Files.getFileStore(directory).getUsableSpace() < LOG_TAIL;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Connects to a launch that may not have made its monitors yet.
   *
   * @param id the machine
   * @param run the launch
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  public Monitor connect(ResourceId id, Run run) {
    return connected(id, run, () -> monitors.toChange(id.name(), run, limits));
  }

  /**
   * Has a connection made for who looks at a launch next, while the caller goes on.
   *
   * @param id the machine
   * @param run the launch
   */
  public void expectLook(ResourceId id, Run run) {
    monitors.expectLook(id.name(), run, limits.monitor());
  }

  /**
   * Connects to a launch that is to do what it can hang in; it can be told then to let go of that.
   *
   * @param id the machine
   * @param run the launch
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  public Monitor connectToUrge(ResourceId id, Run run) {
    return connected(id, run, () -> monitors.toUrge(id.name(), run, limits));
  }

  private Monitor connected(ResourceId id, Run run, Supplier<Monitor> connection) {
    String operation = "connect to " + id;
    boolean up = Pauses.until(
        operation, limits.launch(), () -> run.reachable() || run.alive().isEmpty());
    if (!up) {
      throw new OperationTimeoutException(operation, limits.launch());
    }
    long end = System.nanoTime() + limits.monitor().toNanos();
    while (true) {
      try {
        run.noteProcess(); // before its guest can run
        return connection.get();
      } catch (N0Exception e) {
        // A socket is refused between its bind and its listen.
        if (e.code() != N0Exception.Code.UNAVAILABLE || System.nanoTime() > end) {
          throw e;
        }
        if (run.alive().isEmpty()) {
          throw endedEarly(id, run, e);
        }
        Pauses.pause(operation, 1);
      }
    }
  }

  /**
   * Ends a launch: by its monitor, then SIGTERM, then SIGKILL.
   *
   * @param id the machine
   * @param run the launch
   * @throws N0Exception UNAVAILABLE if it lives on
   */
  public void end(ResourceId id, Run run) {
    if (run.alive().isPresent()) {
      endLiving(id, run);
    }
    monitors.ended(run);
    boarding.tidy(run, limits.end());
  }

  private void endLiving(ResourceId id, Run run) {
    Optional<ProcessHandle> process = process(run);
    if (quit(id, run) && ended(id, process)) {
      return;
    }
    signal(run, process, ProcessHandle::destroy);
    if (!ended(id, process)) {
      killLiving(id, run);
    }
  }

  /** The handle remembers the start time, so that a process which takes over the number is not meant. */
  private static Optional<ProcessHandle> process(Run run) {
    return run.alive().flatMap(ProcessHandle::of);
  }

  /** Waits until the kernel has taken all that it had open, such as its taps, and its control groups. */
  private boolean ended(ResourceId id, Optional<ProcessHandle> process) {
    return Pauses.until(
        "end qemu of " + id,
        limits.end(),
        () -> process.filter(p -> !Processes.ended(p)).isEmpty());
  }

  /** Returns false if there is no use in waiting. */
  private boolean quit(ResourceId id, Run run) {
    if (run.alive().filter(Silence::stopped).isPresent()) {
      return false;
    }
    try (Monitor monitor = monitors.toChange(id.name(), run, limits)) {
      monitor.execute("quit", Map.of(), limits.monitor());
      return true;
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      LOG.debug("{}: quit: {}", id, e.getMessage());
      return e instanceof UnknownOutcomeException; // it may quit without an answer
    }
  }

  /**
   * Kills a launch without asking it.
   *
   * @param id the machine
   * @param run the launch
   * @throws N0Exception UNAVAILABLE if it lives on
   */
  public void kill(ResourceId id, Run run) {
    if (run.alive().isPresent()) {
      killLiving(id, run);
    }
    // One without a lock can still come to it, and one whose files somebody took away has none.
    for (long pid : run.processes()) {
      Optional<ProcessHandle> stray =
          ProcessHandle.of(pid).filter(p -> run.processes().contains(pid));
      stray.ifPresent(ProcessHandle::destroyForcibly);
      requireEnded(id, stray);
    }
    monitors.ended(run);
    boarding.tidy(run, limits.end());
  }

  private void killLiving(ResourceId id, Run run) {
    Optional<ProcessHandle> process = process(run);
    LOG.warn("{}: qemu {} is killed", id, process.map(p -> "" + p.pid()).orElse("(dead)"));
    signal(run, process, ProcessHandle::destroyForcibly);
    requireEnded(id, process);
  }

  private void requireEnded(ResourceId id, Optional<ProcessHandle> process) {
    if (!ended(id, process)) {
      throw new OperationTimeoutException("kill qemu of " + id, limits.end());
    }
  }

  private interface Signal {
    boolean send(ProcessHandle process);
  }

  private static boolean signal(Run run, Optional<ProcessHandle> process, Signal signal) {
    return process.isPresent() && run.is(process.get().pid()) && signal.send(process.get());
  }

  /**
   * Reads the end of a log, where QEMU says why it ends.
   *
   * @param log the log
   * @return at most 2 KiB, or why it cannot be read
   */
  public static String tail(Path log) {
    try (FileChannel file = GuardedFiles.open(log, StandardOpenOption.READ)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(LOG_TAIL, file.size()));
      file.read(bytes, file.size() - bytes.capacity());
      return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "its log cannot be read: " + e.getMessage();
    }
  }
}
