package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecords;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Freezes a guest's file systems and thaws them. A mark is durable before the guest is frozen and until it is
 * thawed, so that a guest is not left frozen by an agent that dies.
 */
public final class Freezer {
  private static final Logger LOG = LoggerFactory.getLogger(Freezer.class);
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);
  private static final Map<UUID, Turn> TURNS = new HashMap<>();

  /** Whose turn it is with a machine's guest. */
  private static final class Turn {
    private final ReentrantLock lock = new ReentrantLock();
    private int users;
  }

  /** How far work in a frozen guest has come. */
  private static final class Progress {
    private boolean begun;
    private boolean done;
    private boolean frozen;
  }

  private final GuestAgents agents;

  /**
   * Creates it.
   *
   * @param agents the agents in guests
   */
  public Freezer(GuestAgents agents) {
    this.agents = agents;
  }

  /**
   * Does work while nobody else freezes or thaws the machine's guest: otherwise who settles one operation would
   * thaw the guest of another.
   *
   * @param id the machine
   * @param work what is done
   * @param <R> what it returns
   * @return what it returned
   * @throws N0Exception BUSY if others do not come to an end; CANCELLED if interrupted while it waits
   */
  public static <R> R alone(ResourceId id, Supplier<R> work) {
    Turn turn = enter(id.uid());
    try {
      takeTurn(id, turn.lock);
      try {
        return work.get();
      } finally {
        turn.lock.unlock();
      }
    } finally {
      leave(id.uid(), turn);
    }
  }

  private static Turn enter(UUID machine) {
    synchronized (TURNS) {
      Turn turn = TURNS.computeIfAbsent(machine, unused -> new Turn());
      turn.users++;
      return turn;
    }
  }

  private static void leave(UUID machine, Turn turn) {
    synchronized (TURNS) {
      turn.users--;
      if (turn.users == 0) {
        TURNS.remove(machine);
      }
    }
  }

  private static void takeTurn(ResourceId id, ReentrantLock lock) {
    String operation = "wait until nobody freezes the guest of " + id;
    try {
      if (!lock.tryLock(LONGEST_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new N0Exception(
            N0Exception.Code.BUSY, id.toString(), operation + ": not within " + LONGEST_WAIT);
      }
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }

  /**
   * Freezes a guest.
   *
   * @param id the machine
   * @param run its launch
   * @param records where the mark is
   * @return whether it is frozen: only with an agent that answers and agrees
   * @throws N0Exception CANCELLED if interrupted; it may be frozen then, as the mark says
   */
  public boolean freeze(ResourceId id, Run run, SnapshotRecords records) {
    Optional<GuestAgent> found = agents.find(run, agents.sign(), agents.freeze());
    if (found.isEmpty()) {
      return false;
    }
    try (GuestAgent guest = found.get()) {
      records.markFrozen();
      long count = guest.fileSystems().freeze();
      LOG.debug("{}: {} file systems are frozen", id, count);
      return true;
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      LOG.warn("{}: it is not frozen for the snapshot: {}", id, e.getMessage());
      thaw(id, run, records);
      return false;
    }
  }

  /**
   * Does work once, while the guest is frozen if an agent answers and agrees. Thaws whatever happens, at the limit
   * also before the work has ended. Waits for others that freeze or thaw the guest.
   *
   * @param id the machine
   * @param run its launch
   * @param records where the mark is
   * @param limit how long the guest may be frozen
   * @param work what is done; what it throws is thrown, after the guest is thawed
   * @return whether the guest was frozen all the while
   * @throws N0Exception CANCELLED if interrupted
   */
  public boolean quietly(
      ResourceId id, Run run, SnapshotRecords records, Duration limit, Runnable work) {
    return alone(id, () -> {
      thawWhatIsMarked(id, run, records); // by a process that died
      Optional<GuestAgent> found = agents.find(run, agents.sign(), limit);
      if (found.isEmpty()) {
        work.run();
        return false;
      }
      try (GuestAgent guest = found.get()) {
        return frozen(id, records, guest, limit, work);
      } finally {
        thawWhatIsMarked(id, run, records);
      }
    });
  }

  private static boolean frozen(
      ResourceId id, SnapshotRecords records, GuestAgent guest, Duration limit, Runnable work) {
    Progress progress = new Progress();
    try {
      records.markFrozen();
      boolean unused = guest.fileSystems().frozen(limit, () -> {
        progress.begun = true;
        work.run();
        progress.done = true;
        progress.frozen = stillFrozen(guest);
        return true;
      });
      records.markThawed();
    } catch (N0Exception e) {
      boolean worksOwn = progress.begun && !progress.done;
      if (worksOwn || e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      LOG.warn("{}: it was not frozen for the snapshot: {}", id, e.getMessage());
      progress.frozen = false;
    }
    if (!progress.begun) {
      work.run();
    }
    return progress.frozen;
  }

  /** Some guests thaw by themselves after a time, and one without file systems is never frozen. */
  private static boolean stillFrozen(GuestAgent guest) {
    try {
      return guest.fileSystems().isFrozen();
    } catch (N0Exception e) {
      LOG.debug("it cannot be told whether a guest is still frozen: {}", e.getMessage());
      return false;
    }
  }

  private void thawWhatIsMarked(ResourceId id, Run run, SnapshotRecords records) {
    if (records.frozen()) {
      thaw(id, run, records);
    }
  }

  /**
   * Thaws; also on a thread that was interrupted. The mark stays if the agent does not answer.
   *
   * @param id the machine
   * @param run its launch
   * @param records where the mark is
   */
  public void thaw(ResourceId id, Run run, SnapshotRecords records) {
    boolean interrupted = Thread.interrupted();
    try {
      if (run.alive().isEmpty() || thawed(id, run)) {
        records.markThawed();
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private boolean thawed(ResourceId id, Run run) {
    Optional<GuestAgent> found = agents.find(run, agents.freeze(), agents.freeze());
    if (found.isEmpty()) {
      LOG.warn("{}: it may be frozen, and its agent does not answer", id);
      return false;
    }
    try (GuestAgent guest = found.get()) {
      long count = guest.fileSystems().thaw();
      LOG.debug("{}: {} file systems are thawed", id, count);
      return true;
    } catch (N0Exception e) {
      LOG.warn("{}: it may be frozen: {}", id, e.getMessage());
      return false;
    }
  }
}
