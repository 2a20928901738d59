package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Processes in the guest. Thread-safe. What every command may throw is said at {@link GuestAgent}.
 *
 * @since 0.1
 */
public final class GuestProcesses {
  private static final int FIRST_MILLIS = 10;
  private static final int LAST_MILLIS = 500;

  private final GuestAgent agent;

  GuestProcesses(GuestAgent agent) {
    this.agent = agent;
  }

  /**
   * Starts a process.
   *
   * @param request which
   * @return its number in the guest
   */
  public long start(ExecRequest request) {
    return agent.execute("guest-exec", request.arguments()).number("/pid");
  }

  /**
   * Asks what has become of a process. The agent forgets it with the first answer that says that it
   * has ended.
   *
   * @param pid its number in the guest
   * @param request how it was started
   * @return its state; output only when it has ended
   */
  public ExecStatus status(long pid, ExecRequest request) {
    return ExecStatus.from(
        agent.execute("guest-exec-status", Map.of("pid", pid)), request.outputBytes());
  }

  /**
   * Starts a process and waits for its end.
   *
   * @param request which
   * @param limit how long to wait
   * @return how it ended
   * @throws OperationTimeoutException if it has not ended in time; it goes on
   */
  public ExecStatus run(ExecRequest request, Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    long pid = start(request);
    String operation = "wait for process " + pid + " by " + agent.subject();
    int pause = FIRST_MILLIS;
    while (true) {
      ExecStatus status = status(pid, request);
      if (status.exited()) {
        return status;
      }
      if (System.nanoTime() >= end) {
        throw new OperationTimeoutException(operation, limit);
      }
      try {
        TimeUnit.MILLISECONDS.sleep(pause);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation, e);
      }
      pause = Math.min(2 * pause, LAST_MILLIS);
    }
  }
}
