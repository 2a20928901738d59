package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import java.time.Duration;
import java.util.concurrent.Executor;

/**
 * QEMU's monitor commands with types, in groups. Thread-safe; holds nothing open: the client's owner
 * closes the client. For a command that has no method here: {@link QmpClient#execute}.
 *
 * <p>Every command may throw a {@link QmpException} if QEMU refuses it, an {@link
 * OperationTimeoutException} if no answer came within the deadline and an {@link
 * UnknownOutcomeException} if the connection was lost after it was sent: in both cases it may have
 * happened, so look before anything is repeated. An {@link N0Exception} with code INTERNAL says that
 * QEMU's answer was not of the form it promises, one with code INVALID that an argument breaks a rule
 * and nothing was sent.
 *
 * <p>A word that a newer QEMU added to a list arrives as {@link Term} with its text and is never an
 * error.
 *
 * @since 0.1
 */
public final class Qapi {
  private final Call call;

  Qapi(Call call) {
    this.call = call;
  }

  /**
   * Types a client's commands.
   *
   * @param client a connected client, which stays its owner's
   * @param deadline the time allowed for each command's answer
   * @return the commands
   */
  public static Qapi of(QmpClient client, Duration deadline) {
    return new Qapi(new Call(new Call.ClientWire(client), deadline));
  }

  /**
   * Returns the same commands with another deadline, for those that take longer.
   *
   * @param deadline the time allowed for each command's answer
   * @return the commands
   */
  public Qapi withDeadline(Duration deadline) {
    return new Qapi(new Call(call.wire(), deadline));
  }

  /**
   * Calls back, in order, with the events from now on. To hear what a command causes, subscribe
   * before it is sent: an event may arrive before its answer.
   *
   * @param executor what runs the listener; must not run it on the thread that hands it over
   * @param listener what is called
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(Executor executor, EventListener listener) {
    return call.wire().subscribe(executor, new QmpListener() {
      @Override
      public void event(QmpEvent event) {
        listener.event(Event.of(event));
      }

      @Override
      public void lost(long count) {
        listener.lost(count);
      }
    });
  }

  /**
   * Returns the commands for the machine as a whole: power, state, facts.
   *
   * @return the group
   */
  public MachineCommands machine() {
    return new MachineCommands(call);
  }

  /**
   * Returns the commands for processors and statistics.
   *
   * @return the group
   */
  public CpuCommands cpu() {
    return new CpuCommands(call);
  }

  /**
   * Returns the commands for memory, balloon and dumps.
   *
   * @return the group
   */
  public MemoryCommands memory() {
    return new MemoryCommands(call);
  }

  /**
   * Returns the commands for devices, objects and network back ends.
   *
   * @return the group
   */
  public DeviceCommands device() {
    return new DeviceCommands(call);
  }

  /**
   * Returns the commands for character devices.
   *
   * @return the group
   */
  public ChardevCommands chardev() {
    return new ChardevCommands(call);
  }

  /**
   * Returns the commands for passed file descriptors.
   *
   * @return the group
   */
  public DescriptorCommands descriptor() {
    return new DescriptorCommands(call);
  }

  /**
   * Returns the commands for block nodes.
   *
   * @return the group
   */
  public BlockCommands block() {
    return new BlockCommands(call);
  }

  /**
   * Returns the commands for removable media.
   *
   * @return the group
   */
  public MediumCommands medium() {
    return new MediumCommands(call);
  }

  /**
   * Returns the commands that start jobs on block nodes.
   *
   * @return the group
   */
  public BlockJobCommands blockJob() {
    return new BlockJobCommands(call);
  }

  /**
   * Returns the commands that steer running jobs.
   *
   * @return the group
   */
  public JobCommands job() {
    return new JobCommands(call);
  }

  /**
   * Returns the commands that offer block nodes to others.
   *
   * @return the group
   */
  public ExportCommands export() {
    return new ExportCommands(call);
  }

  /**
   * Returns the commands for dirty bitmaps.
   *
   * @return the group
   */
  public BitmapCommands bitmap() {
    return new BitmapCommands(call);
  }

  /**
   * Returns the commands for snapshots with memory.
   *
   * @return the group
   */
  public SnapshotCommands snapshot() {
    return new SnapshotCommands(call);
  }

  /**
   * Returns the commands for live migration.
   *
   * @return the group
   */
  public MigrationCommands migration() {
    return new MigrationCommands(call);
  }

  /**
   * Returns the commands for display, keyboard and mouse.
   *
   * @return the group
   */
  public DisplayCommands display() {
    return new DisplayCommands(call);
  }
}
