package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Reads a monitor's lines, on one thread at a time. That is the reader thread, except that who waits for
 * an answer reads for itself for the first few milliseconds: QEMU answers most commands within them,
 * and handing a line from thread to thread takes longer than all else that a client does. Nothing that
 * is called from here runs code of the user's.
 */
final class Pump {
  /** How long a caller reads at most: it hears no interrupt while it does. */
  private static final long LEAD_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  /** How long the reader thread stays away after that, expecting the caller to come again. */
  private static final long AWAY_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  /** The same while answers are on their way that nobody may be waiting for here. */
  private static final long AWAY_PENDING_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Takes what was read. */
  interface Sink {
    void line(byte[] line);

    void ended(IOException reason);
  }

  private final Transport transport;
  private final Lines lines;
  private final Sink sink;
  private final Calls calls;
  private final Thread reader;
  private final AtomicBoolean led = new AtomicBoolean();
  private final AtomicInteger urgent = new AtomicInteger();
  private final AtomicInteger pending = new AtomicInteger();
  private volatile long lastCall = System.nanoTime() - AWAY_NANOS;
  private volatile boolean closing;
  private volatile boolean ended;

  Pump(String name, Transport transport, Calls calls, Sink sink) {
    this.transport = transport;
    this.lines = new Lines(transport);
    this.calls = calls;
    this.sink = sink;
    reader = new Thread(this::read, "n0core-qmp-" + name);
    reader.setDaemon(true);
  }

  void start() {
    reader.start();
  }

  /** Keeps the reader thread reading, until {@link #unwant}. */
  void want() {
    urgent.incrementAndGet();
    LockSupport.unpark(reader);
  }

  void unwant() {
    urgent.decrementAndGet();
  }

  /** Says that an answer is on its way, until {@link #settled}. */
  void expect() {
    if (pending.getAndIncrement() == 0) {
      LockSupport.unpark(reader);
    }
  }

  void settled() {
    pending.decrementAndGet();
  }

  /** Waits until a call is done; returns false if the time is over first. */
  boolean await(Call call, long end) throws InterruptedException {
    call.awaitBy(Thread.currentThread());
    if (mayLead()) {
      lead(call, end);
    }
    if (call.done()) {
      return true;
    }
    want();
    try {
      for (long left = end - System.nanoTime();
          left > 0 && !call.done();
          left = end - System.nanoTime()) {
        LockSupport.parkNanos(this, left);
        requireUninterrupted();
      }
    } finally {
      unwant();
    }
    return call.done();
  }

  /** A system call pins a virtual thread to its carrier, so these leave all reading to the reader. */
  private static boolean mayLead() {
    ThreadGroup group = Thread.currentThread().getThreadGroup();
    return group != null && !group.getName().equals("VirtualThreads");
  }

  private void lead(Call call, long end) throws InterruptedException {
    long now = System.nanoTime();
    lastCall = now;
    long until = now + Math.min(LEAD_NANOS, end - now);
    for (; now - until < 0 && !call.done(); now = System.nanoTime()) {
      requireUninterrupted();
      if (led.compareAndSet(false, true)) {
        try {
          do {
            step(until - now);
            now = System.nanoTime();
          } while (now - until < 0 && !call.done() && !ended);
        } finally {
          lastCall = now;
          handOver();
        }
      } else {
        LockSupport.parkNanos(this, until - now);
      }
    }
  }

  private static void requireUninterrupted() throws InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
  }

  private void handOver() {
    led.set(false);
    if (urgent.get() > 0 || closing) {
      LockSupport.unpark(reader);
    } else {
      calls.wakeOne();
    }
  }

  private void read() {
    try {
      readOn();
    } finally {
      end(new IOException("the reader has ended")); // no news unless it ended by a defect
    }
  }

  private void readOn() {
    while (!ended) {
      long away = away();
      if (away > 0) {
        LockSupport.parkNanos(this, away);
      } else if (led.compareAndSet(false, true)) {
        try {
          do {
            step(Transport.FOREVER);
          } while (!ended && away() <= 0);
        } finally {
          handOver();
        }
      } else {
        LockSupport.parkNanos(this, AWAY_NANOS);
      }
    }
  }

  /** Returns for how long the reader thread leaves the reading to callers. */
  private long away() {
    if (urgent.get() > 0 || closing) {
      return 0;
    }
    long limit = pending.get() > 0 ? AWAY_PENDING_NANOS : AWAY_NANOS;
    return limit - (System.nanoTime() - lastCall);
  }

  /** Reads once, and passes on what is whole. Called by who leads. */
  private void step(long timeoutNanos) {
    IOException reason;
    try {
      if (lines.fill(timeoutNanos) >= 0) {
        for (byte[] line = lines.next(); line != null; line = lines.next()) {
          sink.line(line);
        }
        return;
      }
      reason = new IOException("the monitor closed the connection");
    } catch (IOException e) {
      reason = e;
    }
    end(reason);
  }

  private void end(IOException reason) {
    if (!ended) {
      ended = true;
      transport.shutdown();
      sink.ended(reason);
      LockSupport.unpark(reader);
    }
  }

  /** Ends the reading, waits until nobody reads any more, and keeps it so. */
  void close() {
    closing = true;
    transport.shutdown();
    LockSupport.unpark(reader);
    boolean interrupted = false;
    while (reader.isAlive() && Thread.currentThread() != reader) {
      try {
        reader.join();
      } catch (InterruptedException e) {
        interrupted = true; // it ends at once after the shutdown; the flag is kept
      }
    }
    while (!led.compareAndSet(false, true)) {
      Thread.onSpinWait(); // a caller sees the end just now
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
