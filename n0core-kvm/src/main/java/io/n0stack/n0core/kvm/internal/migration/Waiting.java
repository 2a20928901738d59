package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A QEMU that waits for a guest, as the agent that started it knows it: what it takes to let the guest run at once when
 * it is released. Another agent finds out the same by looking.
 */
final class Waiting implements AutoCloseable, QmpListener {
  private static final int MOMENT_MILLIS = 50;

  private final ResourceId id;
  private final UUID token;
  private final Run run;
  private final Optional<ProcessHandle> process;
  private final Monitor monitor;
  private final Subscription subscription;
  private final CountDownLatch arrived = new CountDownLatch(1);

  /** Takes the monitor over, and closes it. */
  Waiting(ResourceId id, UUID token, Run run, Monitor monitor) {
    this.id = id;
    this.token = token;
    this.run = run;
    this.process = run.alive().flatMap(ProcessHandle::of);
    this.monitor = monitor;
    // Nothing here waits; another thread to call it would only cost time.
    subscription = monitor.subscribe(Runnable::run, this);
  }

  Run run() {
    return run;
  }

  Monitor monitor() {
    return monitor;
  }

  /** Says whether its process is there, as quickly as can be: a guest stands still meanwhile. */
  boolean alive() {
    return process.filter(ProcessHandle::isAlive).isPresent();
  }

  boolean isFor(ResourceId machine, MigrationRelease release) {
    return id.equals(machine) && token.equals(release.token());
  }

  /**
   * Waits a moment for QEMU to tell that it has everything, which it does no sooner than it tells its source.
   *
   * @return false if that was not heard; it may have it all the same
   */
  boolean arrived() {
    try {
      return arrived.await(MOMENT_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("wait for the memory of " + id, e);
    }
  }

  @Override
  public void event(QmpEvent event) {
    if (event.name().equals("MIGRATION") && event.data().text("/status").equals("completed")) {
      arrived.countDown();
    }
  }

  @Override
  public void lost(long count) {
    // Who needs to know for sure asks.
  }

  @Override
  public void close() {
    subscription.close();
    monitor.close();
  }
}
