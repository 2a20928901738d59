package io.n0stack.n0core.kvm.qmp;

import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands events and answers to the user's code, on a thread that exists only while there is something to
 * hand, and ends calls whose time is over. Thread-safe.
 */
final class Hands implements Executor {
  private static final Logger LOG = LoggerFactory.getLogger(Hands.class);
  private static final int IDLE_SECONDS = 5;

  private final String name;
  private final ScheduledThreadPoolExecutor thread;
  private final Set<Submitted> submitted = ConcurrentHashMap.newKeySet();
  private @Nullable ScheduledFuture<?> alarm;
  private long alarmAt;

  Hands(String name) {
    this.name = name;
    thread = new ScheduledThreadPoolExecutor(1, work -> {
      Thread made = new Thread(work, "n0core-qmp-" + name + "-out");
      made.setDaemon(true);
      return made;
    });
    thread.setKeepAliveTime(IDLE_SECONDS, TimeUnit.SECONDS);
    thread.allowCoreThreadTimeOut(true);
    thread.setRemoveOnCancelPolicy(true);
  }

  @Override
  public void execute(Runnable work) {
    try {
      thread.execute(work);
    } catch (RejectedExecutionException e) {
      LOG.debug("{}: nothing is handed over any more, it is closed", name);
    }
  }

  /** Watches over the deadline of a call. */
  void add(Submitted call) {
    submitted.add(call);
    if (call.over()) {
      submitted.remove(call); // the answer was faster
    } else {
      arm(call.end());
    }
  }

  void remove(Submitted call) {
    submitted.remove(call);
  }

  /** One alarm, for the earliest, is enough: most calls are done long before. */
  private synchronized void arm(long end) {
    if (alarm != null && alarmAt - end <= 0) {
      return;
    }
    if (alarm != null) {
      alarm.cancel(false);
    }
    alarmAt = end;
    try {
      alarm =
          thread.schedule(this::expire, Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("{}: no alarm is set any more, it is closed", name);
    }
  }

  private void expire() {
    synchronized (this) {
      alarm = null;
    }
    long now = System.nanoTime();
    for (Submitted call : submitted) {
      if (call.end() - now <= 0) {
        call.expire();
      }
    }
    Optional<Submitted> next =
        submitted.stream().min(Comparator.comparingLong(call -> call.end() - now));
    next.ifPresent(call -> arm(call.end()));
  }

  /** Lets what is to be handed over be so, and then ends. */
  synchronized void close() {
    if (alarm != null) {
      alarm.cancel(false);
    }
    thread.shutdown();
  }
}
