package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Thaws file systems once, whatever happens: at the end or at a limit, whichever is first. */
final class Freeze implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Freeze.class);
  private static final int ATTEMPTS = 4;

  private final GuestAgent agent;
  private final Duration command;
  private final AtomicBoolean thawing = new AtomicBoolean();
  private final CountDownLatch ended = new CountDownLatch(1);
  private Optional<Thread> watchdog = Optional.empty();

  Freeze(GuestAgent agent, Duration command) {
    this.agent = agent;
    this.command = command;
  }

  void thawAt(Duration limit) {
    Thread thread = new Thread(() -> watch(limit), "n0core-thaw-" + agent.name());
    thread.setDaemon(true);
    thread.start();
    watchdog = Optional.of(thread);
  }

  private void watch(Duration limit) {
    try {
      if (!ended.await(limit.toNanos(), TimeUnit.NANOSECONDS)
          && thawing.compareAndSet(false, true)) {
        LOG.warn(
            "{}: frozen for {} ms, thawed before the work ended",
            agent.subject(),
            limit.toMillis());
        thaw();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody does: the thread is this object's own
    } catch (N0Exception e) {
      LOG.warn("{}: {}", agent.subject(), e.getMessage());
      thawing.set(false); // the end tries again
    }
  }

  /** Thaws; throws if the limit was first. */
  void end(Duration limit) {
    if (!thawing.compareAndSet(false, true)) {
      throw new OperationTimeoutException("keep " + agent.subject() + " frozen", limit);
    }
    thawAttentively();
  }

  /** Thaws unless that was done, and waits for whoever is doing it. */
  @Override
  public void close() {
    boolean interrupted = Thread.interrupted(); // an interrupted thread cannot use the connection
    try {
      ended.countDown();
      while (watchdog.isPresent() && watchdog.get().isAlive()) {
        try {
          watchdog.get().join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (thawing.compareAndSet(false, true)) {
        thaw();
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void thawAttentively() {
    boolean interrupted = Thread.interrupted();
    try {
      thaw();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void thaw() {
    Optional<N0Exception> first = Optional.empty();
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        if (agent.isLost()) {
          thawAnew();
        } else {
          agent.execute("guest-fsfreeze-thaw", Map.of(), command);
        }
        return;
      } catch (GuestAgentException e) {
        throw e; // it was heard: asking again does not help
      } catch (N0Exception e) {
        LOG.debug("{}: thaw: {}", agent.subject(), e.toString());
        if (first.isPresent()) {
          first.get().addSuppressed(e);
        } else {
          first = Optional.of(e);
        }
      }
    }
    N0Exception cause = first.orElseThrow();
    throw new N0Exception(
        cause.code(),
        agent.subject(),
        "thaw file systems by " + agent.subject() + ": not confirmed, they may still be frozen: "
            + cause.getMessage(),
        cause);
  }

  private void thawAnew() {
    try (GuestAgent again = agent.again()) {
      again.execute("guest-fsfreeze-thaw", Map.of(), command);
    }
  }
}
