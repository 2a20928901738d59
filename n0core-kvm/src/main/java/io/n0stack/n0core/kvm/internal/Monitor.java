package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;

/** A connection to one launch of QEMU, with one deadline for each command. */
public final class Monitor implements AutoCloseable {
  private final QmpClient client;
  private final Duration deadline;

  private Monitor(QmpClient client, Duration deadline) {
    this.client = client;
    this.deadline = deadline;
  }

  /**
   * Connects to look: to the second monitor, so that an operation on the first is not in the way.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limit the time allowed to connect, and for each command
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  static Monitor toLook(String name, Run run, Duration limit) {
    return connect(name, List.of(run.rescueMonitor(), run.monitor()), limit, limit);
  }

  /**
   * Connects to change the machine.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limits the time allowed
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  public static Monitor toChange(String name, Run run, Limits limits) {
    return connect(
        name, List.of(run.monitor(), run.rescueMonitor()), limits.monitor(), limits.command());
  }

  private static Monitor connect(
      String name, List<Path> sockets, Duration limit, Duration deadline) {
    Duration half = limit.dividedBy(2);
    try {
      return new Monitor(QmpClient.connect(name, sockets.get(0), half), deadline);
    } catch (N0Exception first) {
      if (first.code() != N0Exception.Code.BUSY) {
        throw first;
      }
      return new Monitor(QmpClient.connect(name, sockets.get(1), half), deadline);
    }
  }

  /**
   * Runs a command without arguments.
   *
   * @param command the command
   * @return its result
   */
  public QmpResult execute(String command) {
    return client.execute(command, deadline);
  }

  QmpResult execute(String command, Map<String, ?> arguments) {
    return client.execute(command, arguments, deadline);
  }

  /** Runs {@code getfd} or {@code add-fd}, lending a descriptor of this process. */
  QmpResult execute(String command, Map<String, ?> arguments, int descriptor) {
    return client.executeWithDescriptor(command, arguments, descriptor, deadline);
  }

  Subscription subscribe(Executor executor, QmpListener listener) {
    return client.subscribe(executor, listener);
  }

  /**
   * Returns the connection itself.
   *
   * @return the client, which ends with this
   */
  QmpClient client() {
    return client;
  }

  /**
   * Asks what the guest is doing.
   *
   * @return its state
   */
  public MachineState state() {
    String status = execute("query-status").text("/status");
    return switch (status) {
      case "running", "suspended" -> MachineState.RUNNING;
      case "paused", "debug", "postmigrate", "finish-migrate", "save-vm", "restore-vm", "colo" ->
        MachineState.PAUSED;
      case "prelaunch", "inmigrate" -> MachineState.PREPARED;
      case "shutdown" -> MachineState.SHUTDOWN;
      default -> MachineState.FAILED;
    };
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
    client.close();
  }
}
