package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Hears that jobs have come farther. How far is to be asked; what is not heard of is seen at the next look. */
final class JobNews implements QmpListener, AutoCloseable {
  private final Semaphore news = new Semaphore(0);
  private final Subscription subscription;

  /** Listens from now on. */
  JobNews(Monitor monitor) {
    // Nothing here waits; another thread to call it would only cost time.
    subscription = monitor.subscribe(Runnable::run, this);
  }

  @Override
  public void event(QmpEvent event) {
    if (event.name().equals("JOB_STATUS_CHANGE") || event.name().startsWith("BLOCK_JOB_")) {
      news.release();
    }
  }

  @Override
  public void lost(long count) {
    news.release();
  }

  /** Waits until there is something to look at, or for the time. */
  void await(String operation, int millis) {
    try {
      if (news.tryAcquire(millis, TimeUnit.MILLISECONDS)) {
        news.drainPermits();
      }
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  @Override
  public void close() {
    subscription.close();
  }
}
