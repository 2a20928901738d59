package io.n0stack.n0core.tck.sim;

import java.util.Optional;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/** A thread of the simulation. Only the one that holds the baton runs. */
final class SimThread extends Thread {
  private final Simulation simulation;
  private final Semaphore baton = new Semaphore(0);
  private @Nullable SimProcess owner;
  private long ticket;
  private boolean parked;

  SimThread(Simulation simulation, int number) {
    super("n0core-simulation-" + number);
    this.simulation = simulation;
    setDaemon(true);
  }

  static Optional<SimThread> current() {
    return Thread.currentThread() instanceof SimThread thread
        ? Optional.of(thread)
        : Optional.empty();
  }

  @Override
  public void run() {
    awaitBaton();
    simulation.loop(this);
  }

  void give() {
    baton.release();
  }

  void awaitBaton() {
    baton.acquireUninterruptibly();
  }

  @Nullable SimProcess owner() {
    return owner;
  }

  void own(@Nullable SimProcess process) {
    owner = process;
  }

  /** Begins to block, and returns what whoever resumes it must show. */
  long park() {
    parked = true;
    return ++ticket;
  }

  void resumed() {
    parked = false;
  }

  boolean waitsFor(long expected) {
    return parked && ticket == expected;
  }

  /** Wakes it as an interrupt does, in virtual time: when the baton comes to it. */
  @Override
  public void interrupt() {
    super.interrupt();
    if (parked) {
      simulation.resume(this, ticket);
    }
  }
}
