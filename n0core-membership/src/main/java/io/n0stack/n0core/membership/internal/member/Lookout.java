package io.n0stack.n0core.membership.internal.member;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.swim.Protocol;
import io.n0stack.n0core.membership.internal.view.Callers;
import io.n0stack.n0core.membership.internal.view.LivingMembers;
import io.n0stack.n0core.membership.internal.view.LivingMembers.Listed;
import io.n0stack.n0core.membership.internal.view.Pace;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a member's view of the others, on a thread of its own: looks at what Atomix lists and at whom this
 * member has met, soon after something has happened and from time to time, and calls and asks those of
 * whom it must know more. Thread-safe.
 */
final class Lookout {
  private static final Logger LOG = LoggerFactory.getLogger(Lookout.class);
  private static final Duration SELDOM = Duration.ofMillis(500);
  private static final Duration SLOWEST = LivingMembers.PAUSE.dividedBy(2);
  private static final Duration LOOK = Duration.ofMillis(1);
  private static final Duration TEND = Duration.ofMillis(1500);

  private final MembershipConfig config;
  private final Member self;
  private final PeerNetwork network;
  private final Claims claims;
  private final Callers callers;
  private final Sight sight;
  private final LivingMembers living;
  private final Object lives = new Object(); // guards what is known of the living
  private final Pace pace;
  private final long watchMillis; // while some are asked for a sign of life
  private final long restMillis;
  private final ScheduledExecutorService thread;
  private final AtomicBoolean due = new AtomicBoolean();
  private volatile long lookedNanos = System.nanoTime();
  private long tendedNanos = System.nanoTime(); // of the thread
  private volatile @Nullable Protocol protocol; // while this looks out
  private volatile boolean meetsAll;

  /**
   * Prepares to look; {@link #begin} does.
   *
   * @param config what the member needs to know
   * @param self the member
   * @param network its connections
   * @param claims who uses which name
   * @param callers calls others
   * @param sight shows what is seen
   */
  Lookout(
      MembershipConfig config,
      Member self,
      PeerNetwork network,
      Claims claims,
      Callers callers,
      Sight sight) {
    this.config = config;
    this.self = self;
    this.network = network;
    this.claims = claims;
    this.callers = callers;
    this.sight = sight;
    this.living = new LivingMembers(self, config.timings(), System::nanoTime);
    Duration probe = config.timings().probe();
    this.pace = new Pace(probe, System::nanoTime);
    this.watchMillis = Math.max(SELDOM.toMillis(), shorter(probe, SLOWEST).toMillis());
    // Atomix tells of what happens meanwhile.
    this.restMillis =
        Math.max(watchMillis, shorter(probe.multipliedBy(2), SLOWEST).toMillis());
    this.thread = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread made = new Thread(task, "n0core-membership-" + config.name());
      made.setDaemon(true);
      return made;
    });
  }

  /** Meets all that it hears of, and believes its own eyes: this member answers for nodes. */
  void wantFirstHand() {
    meetsAll = true;
    synchronized (lives) {
      living.wantFirstHand();
    }
  }

  /** Returns the thread that looks: while it hangs, this member sees nothing and shall not seem alive. */
  Executor thread() {
    return thread;
  }

  void begin(Protocol with) {
    synchronized (lives) {
      living.begin();
    }
    protocol = with;
    soon(this::lookForEver);
  }

  /** Ends for good. */
  void stop() {
    protocol = null;
    thread.shutdownNow();
  }

  /** Looks soon, and once for all that happens until then; with many members not all the time. */
  void lookSoon() {
    if (due.compareAndSet(false, true)) {
      long left = leastPause().toNanos() - (System.nanoTime() - lookedNanos);
      schedule(
          () -> {
            due.set(false);
            look();
          },
          Math.max(0, left));
    }
  }

  /** Notes that one has said goodbye. */
  void leaves(Peer peer) {
    soon(() -> {
      synchronized (lives) {
        living.leave(peer.bootId());
      }
      claims.left(peer.bootId());
      look();
    });
  }

  private void answered(Peer peer) {
    synchronized (lives) {
      living.answered(peer);
    }
    lookSoon();
  }

  private void soon(Runnable task) {
    schedule(task, 0);
  }

  private void schedule(Runnable task, long nanos) {
    try {
      var unused = thread.schedule(task, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("member {} is closing", config.name());
    }
  }

  /** Looking at many takes longer, and many have more news. */
  private Duration leastPause() {
    return shorter(LOOK.multipliedBy(sight.members().size()), SELDOM);
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  private void lookForEver() {
    long pause = restMillis;
    try {
      if (System.nanoTime() - tendedNanos >= TEND.toNanos()) {
        tendedNanos = System.nanoTime();
        network.tend();
      }
      Protocol running = protocol;
      if (running != null) {
        running.tend(sight.members());
        running.compare(sight.members());
      }
      look();
      Optional<Duration> next;
      boolean unseen;
      synchronized (lives) {
        next = living.next();
        unseen = living.hasUnseen();
      }
      if (next.isPresent() || unseen) {
        long soonest =
            Math.max(leastPause().toMillis(), next.map(Duration::toMillis).orElse(watchMillis));
        pause = Math.min(watchMillis, soonest + 1);
      }
    } catch (N0Exception e) {
      LOG.warn("member {} could not look at the others", config.name(), e);
    } finally {
      if (protocol != null) {
        schedule(this::lookForEver, TimeUnit.MILLISECONDS.toNanos(pause));
      }
    }
  }

  /** Looks at the whole list: Atomix's events miss members that come back. */
  private void look() {
    Protocol running = protocol;
    if (running == null) {
      return;
    }
    List<Listed> listed = running.listed();
    Map<String, Claims.Claim> users = claims.all();
    Function<String, Optional<Claims.Claim>> held = name -> Optional.ofNullable(users.get(name));
    List<Peer> greeted = users.values().stream().map(Claims.Claim::peer).toList();
    Set<Member> now;
    List<HostPort> suspects;
    List<HostPort> unseen;
    synchronized (lives) {
      now = living.among(listed, held);
      suspects = living.suspects();
      unseen = living.unseen(greeted);
    }
    callers.ping(suspects, peer -> {});
    callers.ping(unseen, peer -> soon(() -> answered(peer)));
    Set<String> boots = new HashSet<>();
    now.forEach(member -> boots.add(member.bootId()));
    claims.living(boots);
    List<HostPort> strangers =
        LivingMembers.strangers(listed, self.name() + "@" + self.bootId(), held);
    callers.call(
        greeted.stream().filter(one -> boots.contains(one.bootId())).toList(),
        // Who answers for nodes has to have met all. Others meet when they speak to each other.
        meetsAll ? strangers : pace.some(callers.uncalled(strangers)),
        this::lookSoon);
    sight.show(now);
    lookedNanos = System.nanoTime();
  }
}
