package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Hears what becomes of devices that the guest was asked to release. Whether one is gone is to be asked. */
final class Releases implements QmpListener, AutoCloseable {
  private final Semaphore news = new Semaphore(0);
  private final Set<String> refused = ConcurrentHashMap.newKeySet();
  private final ExecutorService mover;
  private final Subscription subscription;

  /** Listens from now on, so that nothing is missed of what is asked after. */
  Releases(Monitor monitor) {
    mover = Executors.newSingleThreadExecutor(work -> {
      Thread thread = new Thread(work, "n0core-unplug");
      thread.setDaemon(true);
      return thread;
    });
    subscription = monitor.subscribe(mover, this);
  }

  @Override
  public void event(QmpEvent event) {
    // Each device sends two, the first with a path only: that of its backend.
    Optional<String> device = event.data().find("/device").map(id -> id.text(""));
    if (event.name().equals("DEVICE_UNPLUG_GUEST_ERROR")) {
      device.ifPresent(refused::add);
      news.release();
    } else if (event.name().equals("DEVICE_DELETED")) {
      news.release();
    }
  }

  @Override
  public void lost(long count) {
    news.release();
  }

  boolean refused(String deviceId) {
    return refused.contains(deviceId);
  }

  /** Waits until there is something to look at, or for the time. */
  void await(String operation, Duration limit) {
    try {
      if (news.tryAcquire(limit.toNanos(), TimeUnit.NANOSECONDS)) {
        news.drainPermits();
      }
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  @Override
  public void close() {
    subscription.close();
    mover.shutdown();
  }
}
