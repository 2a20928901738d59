package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A connection to one launch of QEMU, with one deadline for each command. */
public final class Monitor implements AutoCloseable {
  private final Monitors.Lease lease;
  private final Duration deadline;

  Monitor(Monitors.Lease lease, Duration deadline) {
    this.lease = lease;
    this.deadline = deadline;
  }

  /**
   * Runs a command without arguments.
   *
   * @param command the command
   * @return its result
   */
  public QmpResult execute(String command) {
    return execute(command, Map.of());
  }

  /**
   * Runs a command within the connection's deadline.
   *
   * @param command the command
   * @param arguments its arguments
   * @return its result
   * @throws QmpException if QEMU refuses
   * @throws N0Exception UNAVAILABLE if there is no answer, after which nobody is lent this
   *     connection
   */
  public QmpResult execute(String command, Map<String, ?> arguments) {
    return execute(command, arguments, deadline);
  }

  /**
   * Runs a command that has a time of its own.
   *
   * @param command the command
   * @param arguments its arguments
   * @param limit the time allowed
   * @return its result
   * @throws QmpException if QEMU refuses
   * @throws N0Exception UNAVAILABLE if there is no answer, after which nobody is lent this
   *     connection
   */
  public QmpResult execute(String command, Map<String, ?> arguments, Duration limit) {
    return watched(client -> {
      SchemaCheck.check(client, command, arguments);
      return client.execute(command, arguments, limit);
    });
  }

  /**
   * Runs a command that takes an open file along.
   *
   * @param command the command
   * @param arguments its arguments
   * @param descriptor the file, of which QEMU gets a copy; it stays the caller's to close
   * @return its result
   * @throws QmpException if QEMU refuses
   * @throws N0Exception UNAVAILABLE if there is no answer, after which nobody is lent this
   *     connection
   */
  public QmpResult execute(String command, Map<String, ?> arguments, int descriptor) {
    return watched(client -> {
      SchemaCheck.check(client, command, arguments);
      return client.executeWithDescriptor(command, arguments, descriptor, deadline);
    });
  }

  /**
   * Tells whether {@link #urge} can be used: the connection was made for it, and QEMU offers it.
   *
   * @return true if it can
   */
  public boolean urgent() {
    return lease.client().outOfBand();
  }

  /**
   * Runs a command that overtakes others, also where QEMU does not come to answering them.
   *
   * @param command {@code yank} or {@code query-yank}
   * @param arguments its arguments
   * @param limit the time allowed
   * @return its result
   * @throws QmpException if QEMU refuses
   * @throws N0Exception UNAVAILABLE if there is no answer; UNSUPPORTED unless {@link #urgent}
   */
  public QmpResult urge(String command, Map<String, ?> arguments, Duration limit) {
    return watched(client -> {
      SchemaCheck.check(client, command, arguments);
      return client.executeOutOfBand(command, arguments, limit);
    });
  }

  /** A connection on which an answer is missing is lent to nobody else. */
  private QmpResult watched(Function<QmpClient, QmpResult> command) {
    try {
      return command.apply(lease.client());
    } catch (QmpException e) {
      throw e;
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.CANCELLED) {
        lease.discard();
      }
      throw e;
    }
  }

  /**
   * Returns what QEMU said when the connection was made, with its version.
   *
   * @return the greeting, see {@link QmpClient#greeting}
   */
  public QmpResult greeting() {
    return lease.client().greeting();
  }

  /**
   * Listens to events of the machine until the subscription is closed.
   *
   * @param executor calls the listener, never the thread that reads
   * @param listener hears them in order
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(Executor executor, QmpListener listener) {
    return lease.client().subscribe(executor, listener);
  }

  /**
   * Asks what the guest is doing.
   *
   * @return its state
   */
  public MachineState state() {
    return state(status());
  }

  /**
   * Translates QEMU's word for what a guest is doing.
   *
   * @param status as in the answer to query-status
   * @return the state; FAILED for a word that is not known
   */
  public static MachineState state(String status) {
    return switch (status) {
      case "running", "suspended" -> MachineState.RUNNING;
      case "paused", "debug", "postmigrate", "finish-migrate", "save-vm", "restore-vm", "colo" ->
        MachineState.PAUSED;
      case "prelaunch", "inmigrate" -> MachineState.PREPARED;
      case "shutdown" -> MachineState.SHUTDOWN;
      default -> MachineState.FAILED;
    };
  }

  /**
   * Asks what the guest is doing.
   *
   * @return QEMU's own word for it
   */
  public String status() {
    return execute("query-status").text("/status");
  }

  /**
   * Asks for the versioned machine type.
   *
   * @return a type such as {@code pc-q35-7.2}, never an alias
   */
  public String type() {
    String type =
        execute("qom-get", Map.of("path", "/machine", "property", "type")).text("");
    return type.endsWith("-machine") ? type.substring(0, type.length() - 8) : type;
  }

  /**
   * Asks for the devices that were given an id.
   *
   * @return the ids
   */
  public Set<String> devices() {
    return execute("qom-list", Map.of("path", "/machine/peripheral")).list("").stream()
        .filter(item -> item.text("/type").startsWith("child<"))
        .map(item -> item.text("/name"))
        .collect(Collectors.toSet());
  }

  /**
   * Asks for the block nodes, also those that QEMU named by itself.
   *
   * @return their names
   */
  public Set<String> blockNodes() {
    return execute("query-named-block-nodes", Map.of("flat", true)).list("").stream()
        .map(item -> item.text("/node-name"))
        .collect(Collectors.toSet());
  }

  @Override
  public void close() {
    lease.close();
  }
}
