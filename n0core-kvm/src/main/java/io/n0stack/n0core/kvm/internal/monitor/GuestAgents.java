package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.guest.GuestAgentOptions;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The agents in guests, each of which serves one client at a time: those of this process wait for each other.
 * Thread-safe.
 */
public final class GuestAgents {
  private static final int ANSWER_BYTES = 1 << 16; // what power and snapshots ask has short answers

  private final Duration sign;
  private final Duration freeze;
  private final Set<Path> taken = new HashSet<>();

  /** The right to connect to one agent, until it is given back. */
  private final class Turn {
    private final Path socket;
    private final AtomicBoolean over = new AtomicBoolean();

    Turn(Path socket) {
      this.socket = socket;
    }

    void giveBack() {
      if (over.compareAndSet(false, true)) {
        release(socket);
      }
    }
  }

  /**
   * Creates an empty collection.
   *
   * @param sign how long an agent may take to show a sign of life
   * @param freeze how long one may take to freeze file systems, or to thaw them
   */
  public GuestAgents(Duration sign, Duration freeze) {
    this.sign = sign;
    this.freeze = freeze;
  }

  /**
   * Returns how long an agent may take to show a sign of life.
   *
   * @return the limit
   */
  public Duration sign() {
    return sign;
  }

  /**
   * Returns how long an agent may take to freeze file systems, or to thaw them.
   *
   * @return the limit
   */
  public Duration freeze() {
    return freeze;
  }

  /**
   * Says whether a guest has its side of the channel open, without which nobody would answer.
   *
   * @param monitor the machine
   * @param run its launch
   * @return true if it has
   */
  public static boolean listens(Monitor monitor, Run run) {
    return monitor.execute("query-chardev").list("").stream()
        .filter(channel -> channel.text("/filename").contains(run.guestAgent().toString()))
        .anyMatch(channel -> channel.flag("/frontend-open"));
  }

  /**
   * Finds an agent that answers in time; that there is none is usual.
   *
   * @param run the launch
   * @param find the time allowed for a turn and for a sign of life
   * @param command the time allowed for each answer
   * @return a connection, which the caller closes
   */
  public Optional<GuestAgent> find(Run run, Duration find, Duration command) {
    if (!Files.exists(run.guestAgent()) || find.isZero()) {
      return Optional.empty();
    }
    GuestAgentOptions options = GuestAgentOptions.defaults()
        .withSync(find)
        .withCommand(command)
        .withAnswerBytes(ANSWER_BYTES);
    try {
      return Optional.of(connect(run.uid().toString(), run, options));
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      return Optional.empty();
    }
  }

  /**
   * Connects to an agent when it is this one's turn.
   *
   * @param name what the guest belongs to, for messages
   * @param run the launch
   * @param options what is allowed
   * @return a connection, which the caller closes
   * @throws N0Exception BUSY if others of this process have it for too long, otherwise as {@link
   *     GuestAgent#connect}
   */
  GuestAgent connect(String name, Run run, GuestAgentOptions options) {
    Path socket = run.guestAgent();
    String operation = "connect to guest agent \"" + name + "\"";
    if (!acquire(socket, options.sync(), operation)) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          name,
          operation + ": it serves another user of this program; nothing was asked of it");
    }
    Turn turn = new Turn(socket);
    boolean connected = false;
    try {
      GuestAgent agent = GuestAgent.connect(name, socket, options, turn::giveBack);
      connected = true;
      return agent;
    } finally {
      if (!connected) {
        turn.giveBack();
      }
    }
  }

  private synchronized boolean acquire(Path socket, Duration limit, String operation) {
    long end = System.nanoTime() + limit.toNanos();
    while (!taken.add(socket)) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      try {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation, e);
      }
    }
    return true;
  }

  private synchronized void release(Path socket) {
    taken.remove(socket);
    notifyAll();
  }
}
