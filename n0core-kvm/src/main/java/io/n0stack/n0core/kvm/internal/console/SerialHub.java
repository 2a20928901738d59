package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one connection to a serial port. What comes in is in QEMU's log of the port as well, and that is what readers
 * read: here it only tells them that there is more. Thread-safe.
 */
final class SerialHub {
  private static final Logger LOG = LoggerFactory.getLogger(SerialHub.class);
  // QEMU throws away what it has not passed to the guest when its client hangs up.
  private static final int LINGER_MILLIS = 2000;
  private static final int CHUNK = 8192;

  private final ResourceId id;
  private final SocketChannel channel;
  private final Path log;
  private int readers = 1;
  private long leavings;
  private long arrivals;
  private boolean ended;

  SerialHub(ResourceId id, SocketChannel channel, Path log) {
    this.id = id;
    this.channel = channel;
    this.log = log;
    start("n0core-console-" + id.name(), this::drain);
  }

  private static void start(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  /** Adds a reader; returns false if it is too late. */
  synchronized boolean join() {
    if (ended) {
      return false;
    }
    readers++;
    return true;
  }

  synchronized void leave() {
    readers--;
    leavings++;
    if (readers == 0 && !ended) {
      long mine = leavings;
      start("n0core-console-" + id.name(), () -> linger(mine));
    }
  }

  private void linger(long leaving) {
    try {
      TimeUnit.MILLISECONDS.sleep(LINGER_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // nobody does that to this thread
    }
    synchronized (this) {
      if (readers > 0 || leaving != leavings) {
        return;
      }
      ended = true;
    }
    close();
  }

  synchronized boolean ended() {
    return ended;
  }

  /** Waits until there may be more to read. */
  synchronized void await(long millis) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    long seen = arrivals;
    long rest = millis;
    while (!ended && seen == arrivals && rest > 0) {
      wait(rest);
      rest = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
    }
  }

  int write(ByteBuffer bytes) throws IOException {
    synchronized (channel) {
      return channel.write(bytes);
    }
  }

  private void drain() {
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    try {
      while (channel.read(chunk.clear()) >= 0) {
        synchronized (this) {
          arrivals++;
          notifyAll();
        }
      }
    } catch (IOException e) {
      LOG.debug("{}: the console of {} ended: {}", id, log, e.toString());
    } finally {
      synchronized (this) {
        ended = true;
        notifyAll();
      }
      close();
    }
  }

  private void close() {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.debug("{}: close the console: {}", id, e.toString());
    }
  }
}
