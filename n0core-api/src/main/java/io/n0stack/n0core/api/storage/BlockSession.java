package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.time.Duration;
import java.util.Map;

/**
 * A connection to a running machine's QEMU, which speaks QMP. It stays with one QEMU process: when that
 * ends, the session is dead, also if the machine is started again.
 *
 * <p>Thread-safe. Whoever connected closes it.
 *
 * @since 0.1
 */
public interface BlockSession extends AutoCloseable {
  /**
   * Says what this QEMU is. Does not ask it again.
   *
   * @return its version and commands
   */
  QemuCapabilities capabilities();

  /**
   * Runs a QMP command.
   *
   * @param command the command's name
   * @param arguments its arguments: texts, numbers, booleans, nulls, lists and maps of such
   * @param deadline the time allowed for the answer
   * @return what QEMU returned, as JSON text
   * @throws BlockCommandException if QEMU refuses; the command has had no effect
   * @throws UnknownOutcomeException if the connection was lost after the command was sent; it may have
   *     been done, and may yet be done until a later session has had an answer
   * @throws OperationTimeoutException if no answer came in time; the command may yet be done
   * @throws N0Exception UNAVAILABLE if the connection was lost before, and nothing was sent; CANCELLED if
   *     interrupted, when the command may have been done
   */
  String execute(String command, Map<String, ?> arguments, Duration deadline);

  /**
   * Does work once, while the file systems of the guest are frozen if an agent in it answers and agrees;
   * otherwise all the same. The guest is thawed whatever happens: also if the work throws, if this process
   * dies, by whoever looks at the machine next, and at the limit, before the work has ended. The work may
   * use this session and others.
   *
   * @param limit how long the guest may be frozen, 1 ms to 1 min
   * @param work what is done; what it throws is thrown
   * @return true if the guest was frozen from before the work until after it; false also if that is not sure,
   *     and for a machine driver that cannot freeze guests
   * @throws N0Exception INVALID for another limit; CANCELLED if interrupted, when the work may have been
   *     done
   */
  default boolean quietly(Duration limit, Runnable work) {
    work.run();
    return false;
  }

  /**
   * Collects events from now on.
   *
   * @param capacity how many may wait to be taken, 1 to 65536; one more is dropped and counted
   * @return the events, which the caller closes
   */
  BlockEvents events(int capacity);

  /** Disconnects. QEMU, its guest and its jobs are not touched. Closing twice does nothing. */
  @Override
  void close();
}
