package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The machine as a whole: power, state, facts.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class MachineCommands {
  private final Call call;

  MachineCommands(Call call) {
    this.call = call;
  }

  /**
   * Asks what QEMU is doing with the guest.
   *
   * @return its state
   */
  public RunStatus status() {
    return RunStatus.from(call.run("query-status"));
  }

  /**
   * Stops the guest's processors.
   */
  public void stop() {
    call.run("stop");
  }

  /**
   * Starts or continues the guest's processors. The event RESUME may arrive before this
   * returns.
   */
  public void cont() {
    call.run("cont");
  }

  /**
   * Resets the guest, as by its reset button.
   */
  public void systemReset() {
    call.run("system_reset");
  }

  /**
   * Presses the guest's power button, which the guest may ignore.
   */
  public void systemPowerdown() {
    call.run("system_powerdown");
  }

  /**
   * Wakes a sleeping guest.
   */
  public void systemWakeup() {
    call.run("system_wakeup");
  }

  /**
   * Ends QEMU. Returns when QEMU has answered or has closed the connection; only the end of
   * its process says that it is gone.
   */
  public void quit() {
    try {
      call.run("quit");
    } catch (UnknownOutcomeException e) {
      Call.LOG.debug("quit was not answered: {}", e.toString());
    }
  }

  /**
   * Sets what the guest's own power events do.
   *
   * @param actions what to set; what is empty stays as it is
   */
  public void setAction(Actions actions) {
    call.run("set-action", actions.arguments());
  }

  /**
   * Asks for QEMU's version.
   *
   * @return the version
   */
  public QemuVersion version() {
    return QemuVersion.from(call.run("query-version"));
  }

  /**
   * Asks for the guest's name.
   *
   * @return the name, empty if it has none
   */
  public Optional<String> name() {
    return Read.optText(call.run("query-name"), "/name");
  }

  /**
   * Asks for the guest's UUID.
   *
   * @return the UUID, all zero if it has none
   */
  public UUID uuid() {
    return Read.uuid(call.run("query-uuid"), "/UUID");
  }

  /**
   * Asks whether KVM is used.
   *
   * @return the answer
   */
  public KvmInfo kvm() {
    return KvmInfo.from(call.run("query-kvm"));
  }

  /**
   * Lists the types of machine that QEMU can emulate.
   *
   * @return the types
   */
  public List<MachineType> machineTypes() {
    return Read.list(call.run("query-machines"), "", MachineType::from);
  }

  /**
   * Asks whether the guest can be woken from sleep.
   *
   * @return whether it can
   */
  public boolean canWakeUp() {
    return call.run("query-current-machine").flag("/wakeup-suspend-support");
  }

  /**
   * Asks what processor QEMU emulates.
   *
   * @return a name such as {@code x86_64}
   */
  public String architecture() {
    return call.run("query-target").text("/arch");
  }

  /**
   * Sends the guest a non-maskable interrupt.
   */
  public void injectNmi() {
    call.run("inject-nmi");
  }

  /**
   * Lists the monitor's commands.
   *
   * @return their names
   */
  public List<String> commands() {
    return Read.list(call.run("query-commands"), "", item -> item.text("/name"));
  }

  /**
   * Lists the command line's options.
   *
   * @return all options that take parameters
   */
  public List<OptionGroup> commandLineOptions() {
    return Read.list(call.run("query-command-line-options"), "", OptionGroup::from);
  }

  /**
   * Asks for the id by which the guest notices that it was copied or restored.
   *
   * @return the id
   * @throws N0Exception PRECONDITION if the machine has no such device
   */
  public UUID generationId() {
    return Read.uuid(call.run("query-vm-generation-id"), "/guid");
  }

  /**
   * Drops the clock ticks that the guest has yet to catch up with, after its time was set.
   */
  public void resetRtcReinjection() {
    call.run("rtc-reset-reinjection");
  }

  /**
   * Lists the threads that serve block devices.
   *
   * @return the threads
   */
  public List<IoThread> ioThreads() {
    return Read.list(call.run("query-iothreads"), "", IoThread::from);
  }

  /**
   * Runs a line of the human monitor, whose text no version promises to keep.
   *
   * @param line the line
   * @return what it printed
   */
  public String humanMonitorCommand(String line) {
    return call.run("human-monitor-command", Args.of("command-line", line)).text("");
  }
}
