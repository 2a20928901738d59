package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Scheduler;
import io.n0stack.n0core.agent.StepListener;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.SimulatedCrash;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;

/**
 * One life of a program on a host. It is the scheduler of the agents that it opens, and counts the points
 * at which it could die: before and after each write of a record and each step of a driver, and
 * before each look.
 *
 * @since 0.1
 */
public final class SimProcess implements Scheduler {
  private static final Duration PARTING = Duration.ofSeconds(5);

  private final Simulation simulation;
  private final SimHost host;
  private final List<String> points = new ArrayList<>();
  private int deadly = Integer.MAX_VALUE;
  private int active;
  private boolean closed;
  private boolean dead;

  SimProcess(Simulation simulation, SimHost host) {
    this.simulation = simulation;
    this.host = host;
  }

  /**
   * Opens an agent on the host's store, with the host's drivers. Its options keep their listener of steps
   * out: the process counts them.
   *
   * @param options how it behaves
   * @return the agent
   */
  public Agent openAgent(AgentOptions options) {
    StepListener counting = new StepListener() {
      @Override
      public void before(ResourceId resource, String verb, String step) {
        options.stepListener().before(resource, verb, step);
        point("before step \"" + step + "\" of " + verb + " " + resource);
      }

      @Override
      public void after(ResourceId resource, String verb, String step, long nanos) {
        point("after step \"" + step + "\" of " + verb + " " + resource);
        options.stepListener().after(resource, verb, step, nanos);
      }
    };
    return Agent.open(
        host.store().view(this), host.drivers(this), options.withStepListener(counting), this);
  }

  /**
   * Returns the host.
   *
   * @return the host that it runs on
   */
  public SimHost host() {
    return host;
  }

  /**
   * Lets the program wait in virtual time.
   *
   * @param time how long
   * @throws InterruptedException if its thread is interrupted
   */
  public void sleep(Duration time) throws InterruptedException {
    simulation.sleep(time);
  }

  /** Keeps the program running until its host crashes it. */
  public void runUntilCrash() {
    try {
      while (true) {
        simulation.sleep(Duration.ofDays(1));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lets it die at the n-th point. */
  void dieAt(int point) {
    deadly = points.size() + point;
  }

  /** Passes a point at which it could die, and may do so. */
  void point(String where) {
    requireAlive();
    points.add(where);
    if (points.size() - 1 == deadly) {
      simulation.note(host.name() + " dies " + where);
      kill();
      throw new SimulatedCrash(where);
    }
  }

  List<String> points() {
    return List.copyOf(points);
  }

  void requireAlive() {
    if (dead) {
      throw new SimulatedCrash("the process has ended");
    }
  }

  boolean dead() {
    return dead;
  }

  void kill() {
    dead = true;
    simulation.network().died(this);
    simulation.wake(this);
  }

  @Override
  public long nanoTime() {
    return simulation.now().toNanos();
  }

  @Override
  public void execute(Runnable work) {
    requireAlive();
    if (closed) {
      throw new RejectedExecutionException("the process is closing");
    }
    active++;
    simulation.schedule(this, Duration.ZERO, () -> {
      try {
        work.run();
      } finally {
        active--;
      }
    });
  }

  @Override
  public Runnable later(Duration delay, Runnable work) {
    boolean[] calledOff = {false};
    simulation.schedule(this, delay, () -> {
      if (!calledOff[0] && !closed) {
        work.run();
      }
    });
    return () -> calledOff[0] = true;
  }

  @Override
  public <R> R await(CompletableFuture<R> future, Duration limit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return simulation.await(future, limit);
  }

  /** Waits as the agent's own threads do: 5 s, then it interrupts what runs and waits again. */
  @Override
  public void close() {
    closed = true;
    if (!dead) {
      awaitIdle();
      if (active > 0) {
        simulation.wake(this);
        awaitIdle();
      }
    }
  }

  private void awaitIdle() {
    if (SimThread.current().isEmpty()) {
      boolean unused = simulation.runUntil(() -> active == 0, PARTING);
      return;
    }
    Duration end = simulation.now().plus(PARTING);
    try {
      while (active > 0 && simulation.now().compareTo(end) < 0) {
        simulation.sleep(Duration.ofMillis(10));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
