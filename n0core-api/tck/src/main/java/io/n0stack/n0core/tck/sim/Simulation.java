package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.tck.SimulatedCrash;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A world with a clock of its own, in which everything happens in an order that its seed decides.
 *
 * <p>What runs in it may block in virtual time, by {@link #sleep} or in a wait of an agent, and nowhere
 * else; only one thread runs at any moment. Used by one thread, which runs it; what it runs may use it,
 * too. Whoever creates it closes it.
 *
 * @since 0.1
 */
public final class Simulation implements AutoCloseable {
  private static final int MOST_TRACE = 2000;

  private Random random;
  private final PriorityQueue<Happening> queue = new PriorityQueue<>();
  private final Deque<SimThread> idle = new ArrayDeque<>();
  private final List<SimThread> threads = new ArrayList<>();
  private final Semaphore mainBaton = new Semaphore(0);
  private final Map<String, SimHost> hosts = new LinkedHashMap<>();
  private SimNetwork network = new SimNetwork(this);
  private final Deque<String> trace = new ArrayDeque<>();
  private long traceHash;
  private long now;
  private long sequence;
  private long until;
  private BooleanSupplier stop = () -> false;
  private @Nullable Throwable failure;
  private boolean ended;

  /**
   * Creates a world in which nothing has happened.
   *
   * @param seed decides everything that is not decided by those who use it
   */
  public Simulation(long seed) {
    random = new Random(seed);
  }

  /** Something that happens at a time: a body that runs, or a thread that goes on. */
  private record Happening(
      long time,
      int chance,
      long sequence,
      @Nullable SimProcess owner,
      @Nullable Runnable body,
      @Nullable SimThread thread,
      long ticket)
      implements Comparable<Happening> {
    @Override
    public int compareTo(Happening other) {
      int byTime = Long.compare(time, other.time);
      int byChance = byTime != 0 ? byTime : Integer.compare(chance, other.chance);
      return byChance != 0 ? byChance : Long.compare(sequence, other.sequence);
    }
  }

  /**
   * Returns the host of a name, made when it is first asked for.
   *
   * @param name its name
   * @return the host
   */
  public SimHost host(String name) {
    return hosts.computeIfAbsent(name, key -> new SimHost(this, key));
  }

  /**
   * Returns the network between the hosts.
   *
   * @return the same one at each call
   */
  public SimNetwork network() {
    return network;
  }

  /**
   * Returns the source of all chance.
   *
   * @return the same one at each call
   */
  public Random random() {
    return random;
  }

  /**
   * Reads the clock.
   *
   * @return the virtual time since the beginning
   */
  public Duration now() {
    return Duration.ofNanos(now);
  }

  /**
   * Adds a line to what is kept of the run.
   *
   * @param line what happened; without anything that another run of the same seed would not have
   */
  public void note(String line) {
    String timed = now / 1_000_000 + " ms " + line;
    traceHash = traceHash * 31 + timed.hashCode();
    if (trace.size() == MOST_TRACE) {
      trace.removeFirst();
    }
    trace.addLast(timed);
  }

  /**
   * Returns the last lines of the run.
   *
   * @return up to 2,000 lines
   */
  public List<String> trace() {
    return List.copyOf(trace);
  }

  /**
   * Condenses all lines of the run; equal for two runs in which the same happened.
   *
   * @return a number
   */
  public long traceHash() {
    return traceHash;
  }

  /**
   * Lets something happen later.
   *
   * @param delay how much later
   * @param body what happens; may block in virtual time
   */
  public void at(Duration delay, Runnable body) {
    schedule(null, delay, body);
  }

  /** Work of a process comes in no order of its own, as with threads. */
  void schedule(@Nullable SimProcess owner, Duration delay, Runnable body) {
    int chance = owner == null ? 0 : random.nextInt();
    queue.add(new Happening(now + delay.toNanos(), chance, sequence++, owner, body, null, 0));
  }

  void resume(SimThread thread, long ticket) {
    queue.add(new Happening(now, 0, sequence++, null, null, thread, ticket));
  }

  /**
   * Lets time pass.
   *
   * @param time how much
   */
  public void advance(Duration time) {
    run(() -> false, time);
  }

  /**
   * Lets time pass until something is so.
   *
   * @param condition looked at after each thing that happens
   * @param limit how much time at most
   * @return whether it came to be so
   */
  public boolean runUntil(BooleanSupplier condition, Duration limit) {
    run(condition, limit);
    return condition.getAsBoolean();
  }

  private void run(BooleanSupplier condition, Duration limit) {
    if (SimThread.current().isPresent()) {
      throw new IllegalStateException("what runs in a simulation sleeps, it does not run it");
    }
    stop = condition;
    until = now + limit.toNanos();
    nextThread().give();
    mainBaton.acquireUninterruptibly();
    Throwable thrown = failure;
    if (thrown != null) {
      failure = null;
      throw new IllegalStateException("something failed in the simulation", thrown);
    }
  }

  private SimThread nextThread() {
    SimThread next = idle.poll();
    if (next == null) {
      next = new SimThread(this, threads.size());
      threads.add(next);
      next.start();
    }
    return next;
  }

  /** What a thread with the baton does: one happening after the other, until it is to stop. */
  void loop(SimThread me) {
    while (!ended) {
      Happening next = next();
      if (next == null) {
        idle.push(me);
        mainBaton.release();
        me.awaitBaton();
      } else if (next.thread() != null) {
        if (next.thread().waitsFor(next.ticket())) {
          idle.push(me);
          next.thread().give();
          me.awaitBaton();
        }
      } else if (next.body() != null) {
        perform(me, next.owner(), next.body());
      }
    }
  }

  private @Nullable Happening next() {
    if (failure != null || stop.getAsBoolean()) {
      return null;
    }
    Happening next = queue.peek();
    if (next == null || next.time() > until) {
      now = until;
      return null;
    }
    queue.remove();
    now = Math.max(now, next.time());
    return next;
  }

  @SuppressWarnings("IllegalCatch") // whatever is thrown is shown to whoever runs the simulation
  private void perform(SimThread me, @Nullable SimProcess owner, Runnable body) {
    if (owner != null && owner.dead()) {
      return;
    }
    me.own(owner);
    try {
      body.run();
    } catch (SimulatedCrash e) {
      // the end of a process ends what it was doing, and nothing else
    } catch (Throwable e) {
      failure = e;
    } finally {
      me.own(null);
      Thread.interrupted();
    }
  }

  /**
   * Lets the caller wait in virtual time; others go on.
   *
   * @param time how long
   * @throws InterruptedException if the thread is interrupted before or meanwhile
   */
  public void sleep(Duration time) throws InterruptedException {
    SimThread me = SimThread.current()
        .orElseThrow(() -> new IllegalStateException("only what runs in a simulation sleeps"));
    long ticket = me.park();
    queue.add(new Happening(now + time.toNanos(), 0, sequence++, null, null, me, ticket));
    block(me);
    if (Thread.interrupted()) {
      throw new InterruptedException("interrupted in virtual time");
    }
  }

  private void block(SimThread me) {
    if (!Thread.currentThread().isInterrupted()) {
      nextThread().give();
      me.awaitBaton();
    }
    me.resumed();
    SimProcess owner = me.owner();
    if (ended || (owner != null && owner.dead())) {
      throw new SimulatedCrash("the process has ended");
    }
  }

  <R> R await(CompletableFuture<R> future, Duration limit)
      throws InterruptedException, ExecutionException, TimeoutException {
    SimThread me = SimThread.current().orElse(null);
    if (me == null) {
      run(future::isDone, limit);
    } else if (!future.isDone()) {
      long ticket = me.park();
      CompletableFuture<R> unused = future.whenComplete((value, thrown) -> resume(me, ticket));
      queue.add(new Happening(now + limit.toNanos(), 0, sequence++, null, null, me, ticket));
      block(me);
      if (Thread.interrupted()) {
        throw new InterruptedException("interrupted in virtual time");
      }
    }
    if (!future.isDone()) {
      throw new TimeoutException("not within " + limit);
    }
    return future.get();
  }

  /** Begins a new world with the threads of the old one, in which no process is alive any more. */
  void renew(long seed) {
    run(() -> idle.size() == threads.size() - 1, Duration.ZERO);
    queue.clear();
    hosts.clear();
    network = new SimNetwork(this);
    random = new Random(seed);
    trace.clear();
    traceHash = 0;
    now = 0;
    sequence = 0;
  }

  /** Interrupts all that a process does but the caller; what has died ends at that. */
  void wake(SimProcess process) {
    for (SimThread thread : threads) {
      if (thread.owner() == process && thread != Thread.currentThread()) {
        thread.interrupt();
      }
    }
  }

  /** Ends all that runs. */
  @Override
  public void close() {
    ended = true;
    for (SimThread thread : threads) {
      thread.give();
      join(thread);
    }
  }

  private static void join(SimThread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
