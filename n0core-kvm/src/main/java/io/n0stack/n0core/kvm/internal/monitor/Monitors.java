package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of this process to monitors. A monitor serves one client at a time, so all who want the
 * same one share its connection; it is left to others soon after the last has let go. Thread-safe.
 */
public final class Monitors implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Monitors.class);
  private static final Duration IDLE = Duration.ofMillis(300);
  private static final Duration FORGIVEN = Duration.ofSeconds(30);
  private static final int IMPATIENCE = 6;

  private final Map<Path, Shared> open = new HashMap<>();
  // When each silent launch was last given its full time.
  private final Map<Path, Long> silent = new ConcurrentHashMap<>();
  private @Nullable Thread reaper;

  /** What a connection is to be good for. */
  private enum Manner {
    USUAL,
    /** For commands out of band, unless others use it already. */
    URGENT
  }

  /** One connection; all fields but the client are guarded by the outer object. */
  private static final class Shared {
    final CompletableFuture<QmpClient> client = new CompletableFuture<>();
    final Manner manner;
    int users = 1;
    boolean discarded;
    long idleSince;

    Shared(Manner manner) {
      this.manner = manner;
    }
  }

  /** The use of a connection by one. */
  final class Lease {
    private final Path socket;
    private final Shared shared;
    private boolean closed;

    private Lease(Path socket, Shared shared) {
      this.socket = socket;
      this.shared = shared;
    }

    QmpClient client() {
      return shared.client.join();
    }

    /** Gives it to nobody else: it does not answer. */
    void discard() {
      synchronized (Monitors.this) {
        open.remove(socket, shared);
        shared.discarded = true;
      }
    }

    void close() {
      synchronized (Monitors.this) {
        if (closed) {
          return;
        }
        closed = true;
      }
      release(shared);
    }
  }

  /** Creates an empty collection. */
  public Monitors() {}

  /**
   * Connects to look: to the second monitor, so that an operation on the first is not in the way.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limit the time allowed to connect and for the first command
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  public Monitor toLook(String name, Run run, Duration limit) {
    long begin = System.nanoTime();
    Lease lease =
        connect(name, run, List.of(run.rescueMonitor(), run.monitor()), limit, Manner.USUAL);
    Duration rest = limit.minusNanos(System.nanoTime() - begin);
    Duration least = limit.dividedBy(4);
    return new Monitor(lease, rest.compareTo(least) < 0 ? least : rest);
  }

  /**
   * Connects in the background for somebody who is about to call {@link #toLook}. If it cannot be done, that is his to find
   * out.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limit the time allowed
   */
  public void expectLook(String name, Run run, Duration limit) {
    ahead(name, () -> toLook(name, run, limit));
  }

  /**
   * Connects in the background for somebody who is about to call {@link #toUrge}. If it cannot be done, that is his to find
   * out.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limits the time allowed
   */
  public void expectUrge(String name, Run run, Limits limits) {
    ahead(name, () -> toUrge(name, run, limits));
  }

  private static void ahead(String name, Supplier<Monitor> connection) {
    Thread thread = new Thread(
        () -> {
          try {
            connection.get().close();
          } catch (N0Exception e) {
            LOG.debug("connect ahead to {}: {}", name, e.getMessage());
          }
        },
        "n0core-monitor-ahead");
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Connects to change the machine.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limits the time allowed
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  public Monitor toChange(String name, Run run, Limits limits) {
    return mainly(name, run, limits, Manner.USUAL);
  }

  /**
   * Connects to change the machine in a way in which QEMU can hang; {@link Monitor#urge} reaches it all the same, unless
   * somebody else in this process was connected before.
   *
   * @param name the machine's name
   * @param run the launch
   * @param limits the time allowed
   * @return the connection, which the caller closes
   * @throws N0Exception BUSY or UNAVAILABLE
   */
  public Monitor toUrge(String name, Run run, Limits limits) {
    return mainly(name, run, limits, Manner.URGENT);
  }

  /** By the first monitor, by the other one if need be. */
  private Monitor mainly(String name, Run run, Limits limits, Manner manner) {
    return new Monitor(
        connect(name, run, List.of(run.monitor(), run.rescueMonitor()), limits.monitor(), manner),
        limits.command());
  }

  private Lease connect(String name, Run run, List<Path> sockets, Duration limit, Manner manner) {
    Duration half = limit.dividedBy(2);
    try {
      return acquire(name, run, sockets.get(0), half, manner);
    } catch (N0Exception first) {
      if (first.code() == N0Exception.Code.CANCELLED) {
        throw first;
      }
      try {
        return acquire(name, run, sockets.get(1), half, manner);
      } catch (N0Exception second) {
        second.addSuppressed(first);
        // That one of them is served tells more than that the other is gone.
        throw first.code() == N0Exception.Code.BUSY ? first : second;
      }
    }
  }

  private Lease acquire(String name, Run run, Path socket, Duration limit, Manner manner) {
    long deadline = System.nanoTime() + limit.toNanos();
    if (manner == Manner.URGENT) {
      // Whether a connection is good for that is settled when it is made.
      retire(socket);
    }
    while (true) {
      Shared shared;
      boolean mine = false;
      synchronized (this) {
        Shared found = open.get(socket);
        if (found == null) {
          mine = true;
          shared = new Shared(manner);
          open.put(socket, shared);
        } else {
          shared = found;
          shared.users++;
        }
      }
      Lease lease = new Lease(socket, shared);
      Duration rest = Duration.ofNanos(Math.max(1, deadline - System.nanoTime()));
      if (mine) {
        dial(name, run, rest, lease, manner);
        return lease;
      }
      if (joined(name, rest, lease)) {
        return lease;
      }
    }
  }

  /** Hangs up where nobody is talking, unless the connection is good for all. */
  private void retire(Path socket) {
    Shared shared;
    synchronized (this) {
      shared = open.get(socket);
      if (shared == null || shared.users > 0 || shared.manner == Manner.URGENT) {
        return;
      }
      shared.discarded = true;
      open.remove(socket, shared);
    }
    hangUp(shared);
  }

  private void dial(String name, Run run, Duration limit, Lease lease, Manner manner) {
    Path socket = lease.socket;
    try {
      Path link = Run.link(socket);
      // What QEMU's user put in their place could lead to the monitor of another machine.
      Path way = GuardedFiles.isSocket(socket) || !GuardedFiles.isSocket(link) ? socket : link;
      QmpOptions usual = QmpOptions.defaults().withTimes(limit, limit);
      QmpOptions options = run.alive().map(usual::servedBy).orElse(usual);
      lease.shared.client.complete(
          manner == Manner.USUAL
              ? QmpClient.connect(name, way, options, limit)
              : QmpClient.connect(name, way, options.withOutOfBand()));
      secure(socket, link);
    } finally {
      if (!lease.shared.client.isDone()) {
        lease.discard();
        lease.shared.client.cancel(false);
        lease.close();
      }
    }
  }

  /** A second name of the socket, for whoever tidies the first one away. */
  private static void secure(Path socket, Path link) {
    try {
      if (GuardedFiles.isSocket(socket) && !GuardedFiles.isSocket(link)) {
        Files.createLink(link, socket);
      }
    } catch (IOException e) {
      LOG.debug("link {}: {}", link, e.toString()); // another was faster, or it has just ended
    }
  }

  /** Returns false if who was to connect for all has failed; each then tries by itself. */
  private static boolean joined(String name, Duration limit, Lease lease) {
    boolean joined = false;
    try {
      lease.shared.client.get(limit.toNanos(), TimeUnit.NANOSECONDS);
      joined = true;
      return true;
    } catch (TimeoutException e) {
      throw new OperationTimeoutException("connect to monitor \"" + name + "\"", limit);
    } catch (ExecutionException | java.util.concurrent.CancellationException e) {
      return false;
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("connect to monitor \"" + name + "\"", e);
    } finally {
      if (!joined) {
        lease.close();
      }
    }
  }

  private void release(Shared shared) {
    synchronized (this) {
      shared.users--;
      if (shared.users > 0) {
        return;
      }
      if (!shared.discarded) {
        shared.idleSince = System.nanoTime();
        reap();
        return;
      }
    }
    hangUp(shared);
  }

  private static void hangUp(Shared shared) {
    if (!shared.client.isCompletedExceptionally()) {
      shared.client.join().close();
    }
  }

  private synchronized void reap() {
    if (reaper == null) {
      reaper = new Thread(this::closeIdle, "n0core-monitors");
      reaper.setDaemon(true);
      reaper.start();
    }
  }

  private void closeIdle() {
    while (true) {
      Collection<Shared> idle;
      synchronized (this) {
        idle = idle(System.nanoTime() - IDLE.toNanos());
        if (idle.isEmpty() && open.isEmpty()) {
          reaper = null;
          return;
        }
      }
      idle.forEach(Monitors::hangUp);
      try {
        TimeUnit.MILLISECONDS.sleep(IDLE.toMillis() / 3);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt(); // nobody does that to this thread
        return;
      }
    }
  }

  /** Takes out those that nobody has used since a moment. */
  private Collection<Shared> idle(long moment) {
    List<Shared> idle = new ArrayList<>();
    for (Iterator<Shared> all = open.values().iterator(); all.hasNext(); ) {
      Shared shared = all.next();
      if (shared.users == 0 && shared.idleSince - moment < 0) {
        shared.discarded = true;
        all.remove();
        idle.add(shared);
      }
    }
    return idle;
  }

  /**
   * Says how long to wait for an answer. A launch that was silent a moment ago is asked again, but
   * holds nobody up as long.
   *
   * @param run the launch
   * @param limit the time allowed otherwise
   * @return the limit or a part of it
   */
  public Duration patience(Run run, Duration limit) {
    Long since = silent.get(run.directory());
    return since == null || System.nanoTime() - since > FORGIVEN.toNanos()
        ? limit
        : limit.dividedBy(IMPATIENCE);
  }

  /**
   * Notes that a launch has answered: it is given its full time again.
   *
   * @param run the launch
   */
  public void answered(Run run) {
    silent.remove(run.directory());
  }

  /**
   * Notes that a launch has not answered, for {@link #patience}.
   *
   * @param run the launch
   */
  public void silent(Run run) {
    long now = System.nanoTime();
    silent.values().removeIf(since -> now - since > 2 * FORGIVEN.toNanos());
    silent.merge(run.directory(), now, (was, is) -> is - was > FORGIVEN.toNanos() ? is : was);
  }

  /**
   * Hangs up on a launch that has ended.
   *
   * @param run the launch
   */
  public void ended(Run run) {
    List<Shared> idle = new ArrayList<>();
    synchronized (this) {
      for (Path socket : List.of(run.monitor(), run.rescueMonitor())) {
        Shared shared = open.remove(socket);
        if (shared != null) {
          shared.discarded = true;
          if (shared.users == 0) {
            idle.add(shared);
          }
        }
      }
    }
    idle.forEach(Monitors::hangUp);
  }

  /** Hangs up where nobody is talking; the others hang up when they are done. */
  @Override
  public void close() {
    Collection<Shared> idle;
    synchronized (this) {
      idle = idle(Long.MAX_VALUE / 2 + System.nanoTime());
      open.values().forEach(shared -> shared.discarded = true);
      open.clear();
    }
    idle.forEach(Monitors::hangUp);
  }
}
