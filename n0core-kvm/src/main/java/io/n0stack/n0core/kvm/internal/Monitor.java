package io.n0stack.n0core.kvm.internal;

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

  QmpResult execute(String command, Map<String, ?> arguments) {
    return execute(command, arguments, deadline);
  }

  QmpResult execute(String command, Map<String, ?> arguments, Duration limit) {
    return watched(client -> client.execute(command, arguments, limit));
  }

  QmpResult execute(String command, Map<String, ?> arguments, int descriptor) {
    return watched(
        client -> client.executeWithDescriptor(command, arguments, descriptor, deadline));
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

  Subscription subscribe(Executor executor, QmpListener listener) {
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

  static MachineState state(String status) {
    return switch (status) {
      case "running", "suspended" -> MachineState.RUNNING;
      case "paused", "debug", "postmigrate", "finish-migrate", "save-vm", "restore-vm", "colo" ->
        MachineState.PAUSED;
      case "prelaunch", "inmigrate" -> MachineState.PREPARED;
      case "shutdown" -> MachineState.SHUTDOWN;
      default -> MachineState.FAILED;
    };
  }

  /** Returns QEMU's own word for what the guest is doing. */
  String status() {
    return execute("query-status").text("/status");
  }

  /** Returns the versioned machine type, such as {@code pc-q35-7.2}. */
  String type() {
    String type =
        execute("qom-get", Map.of("path", "/machine", "property", "type")).text("");
    return type.endsWith("-machine") ? type.substring(0, type.length() - 8) : type;
  }

  Set<String> devices() {
    return execute("qom-list", Map.of("path", "/machine/peripheral")).list("").stream()
        .filter(item -> item.text("/type").startsWith("child<"))
        .map(item -> item.text("/name"))
        .collect(Collectors.toSet());
  }

  Set<String> blockNodes() {
    return execute("query-named-block-nodes", Map.of("flat", true)).list("").stream()
        .map(item -> item.text("/node-name"))
        .collect(Collectors.toSet());
  }

  @Override
  public void close() {
    lease.close();
  }
}
