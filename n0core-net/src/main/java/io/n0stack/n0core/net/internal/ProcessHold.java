package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import java.time.Duration;
import java.util.Optional;

/**
 * A hold on one process, whoever's child it is: signals reach it and no other that takes over its
 * number. See pidfd_open(2). Used by one thread.
 */
public final class ProcessHold implements AutoCloseable {
  /** Asks a daemon to read its files again. */
  public static final int SIGHUP = 1;

  /** Kills. */
  public static final int SIGKILL = 9;

  /** Asks to end. */
  public static final int SIGTERM = 15;

  // The same on all architectures, asm-generic/unistd.h.
  private static final long PIDFD_SEND_SIGNAL = 424;
  private static final long PIDFD_OPEN = 434;
  private static final int ESRCH = 3; // asm-generic/errno-base.h
  private static final int SLICE_MILLIS = 50;
  private static final int POLL = 16;

  private final long pid;
  private final int fd;

  private ProcessHold(long pid, int fd) {
    this.pid = pid;
    this.fd = fd;
  }

  /**
   * Holds a process.
   *
   * @param pid its id
   * @return the hold, empty if there is no such process
   * @throws OsException if the kernel refuses
   */
  public static Optional<ProcessHold> open(long pid) {
    long fd = LibC.INSTANCE.syscall(PIDFD_OPEN, pid, 0L, 0L, 0L);
    if (fd >= 0) {
      return Optional.of(new ProcessHold(pid, (int) fd));
    }
    int errno = SystemCalls.errno();
    if (errno == ESRCH) {
      return Optional.empty();
    }
    throw SystemCalls.failure("hold process " + pid, errno);
  }

  /**
   * Sends a signal. Does nothing if the process has ended.
   *
   * @param signal its number
   * @throws OsException if the kernel refuses
   */
  public void send(int signal) {
    if (LibC.INSTANCE.syscall(PIDFD_SEND_SIGNAL, fd, signal, 0L, 0L) < 0) {
      int errno = SystemCalls.errno();
      if (errno != ESRCH) {
        throw SystemCalls.failure("signal process " + pid, errno);
      }
    }
  }

  /**
   * Waits until the process has ended.
   *
   * @param limit how long at most
   * @return whether it has
   * @throws N0Exception CANCELLED if this thread is interrupted
   */
  public boolean awaitEnd(Duration limit) {
    NativeBuffer scratch = NativeBuffer.allocate(POLL);
    long end = System.nanoTime() + limit.toNanos();
    while (!SystemCalls.poll(fd, -1, SLICE_MILLIS, scratch)) {
      if (Thread.currentThread().isInterrupted()) {
        String what = "wait for process " + pid;
        throw N0Exception.interrupted(what, new InterruptedException(what));
      }
      if (System.nanoTime() - end > 0) {
        return false;
      }
    }
    return true;
  }

  /** Ends the hold, not the process. */
  @Override
  public void close() {
    SystemCalls.close(fd);
  }
}
