package io.n0stack.n0core.membership.internal.view;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.identity.Peer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * The addresses to call, for ever. One that does not answer is called at growing intervals, up to a
 * few seconds; one behind which a member is alive is not called. Where there are too many, those that were
 * configured stay, and of the others that one goes which was not heard of for longest.
 */
public final class Seeds {
  static final int MOST = 4096;
  private static final long FIRST_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long AGAIN_NANOS = Duration.ofMillis(500).toNanos();
  private static final long LEAST_NANOS = Duration.ofMillis(250).toNanos();
  private static final long MOST_NANOS = Duration.ofSeconds(3).toNanos();

  /** What is known of an address. */
  private static final class Seed {
    private boolean kept;
    private long heardNanos;
    private long dueNanos;
    private long pauseNanos = LEAST_NANOS;
    private boolean calling;
    private String bootId = "";
  }

  private final HostPort self;
  private final LongSupplier clock;
  private final Map<HostPort, Seed> wanted = new LinkedHashMap<>();
  private Consumer<HostPort> report = address -> {};
  private long since;
  /** Atomix may ask long after we began: opening takes seconds on a busy host. */
  private boolean asked;

  /**
   * Begins with no addresses.
   *
   * @param self where this member listens, which it does not call
   * @param clock tells the time in nanoseconds
   */
  public Seeds(HostPort self, LongSupplier clock) {
    this.self = self;
    this.clock = clock;
    this.since = clock.getAsLong();
  }

  /**
   * Calls these too, whatever comes.
   *
   * @param addresses where they are
   */
  public synchronized void keep(Collection<HostPort> addresses) {
    add(addresses);
    for (HostPort address : addresses) {
      Seed seed = wanted.get(address);
      if (seed != null) {
        seed.kept = true;
      }
    }
  }

  /**
   * Calls these too.
   *
   * @param addresses where they are
   */
  public synchronized void add(Collection<HostPort> addresses) {
    for (HostPort address : addresses) {
      if (!address.equals(self) && !wanted.containsKey(address) && hasRoom()) {
        Seed seed = new Seed();
        seed.dueNanos = clock.getAsLong();
        seed.heardNanos = seed.dueNanos;
        wanted.put(address, seed);
      }
    }
  }

  private boolean hasRoom() {
    if (wanted.size() >= MOST) {
      long now = clock.getAsLong();
      wanted.entrySet().stream()
          .filter(entry -> !entry.getValue().kept)
          .max(Comparator.comparingLong(entry -> now - entry.getValue().heardNanos))
          .map(Map.Entry::getKey)
          .ifPresent(wanted::remove);
    }
    return wanted.size() < MOST;
  }

  /**
   * Tells who is to hear of addresses that have answered.
   *
   * @param listener told the addresses
   */
  public synchronized void reportTo(Consumer<HostPort> listener) {
    report = listener;
  }

  /** Begins anew to list all at first. */
  public synchronized void begin() {
    asked = false;
  }

  /**
   * Lists all for the first moment after the start, when Atomix asks for the list of members.
   *
   * @return all addresses, or none after that moment
   */
  public synchronized List<HostPort> first() {
    if (!asked) {
      asked = true;
      since = clock.getAsLong();
    }
    return clock.getAsLong() - since < FIRST_NANOS ? List.copyOf(wanted.keySet()) : List.of();
  }

  synchronized List<HostPort> all() {
    return List.copyOf(wanted.keySet());
  }

  /** Lists whom to call now; each is then being called until it answers or fails. */
  synchronized List<HostPort> due(Collection<Peer> living) {
    long now = clock.getAsLong();
    Set<HostPort> addresses = living.stream().map(Peer::address).collect(Collectors.toSet());
    Set<String> bootIds = living.stream().map(Peer::bootId).collect(Collectors.toSet());
    List<HostPort> due = new ArrayList<>();
    wanted.forEach((address, seed) -> {
      if (addresses.contains(address) || bootIds.contains(seed.bootId)) {
        seed.pauseNanos = LEAST_NANOS;
        seed.heardNanos = now;
      } else if (!seed.calling && now - seed.dueNanos >= 0) {
        seed.calling = true;
        due.add(address);
      }
    });
    return due;
  }

  /** Notes that a peer is there, and lets Atomix know. */
  void answered(HostPort address, Peer peer) {
    Consumer<HostPort> listener;
    synchronized (this) {
      Seed seed = wanted.get(address);
      if (seed == null) {
        return;
      }
      seed.calling = false;
      seed.bootId = peer.bootId();
      seed.heardNanos = clock.getAsLong();
      seed.pauseNanos = LEAST_NANOS;
      seed.dueNanos = clock.getAsLong() + AGAIN_NANOS;
      listener = report;
    }
    listener.accept(address);
  }

  /** Notes that nobody has answered; the next call waits longer, and not for everybody the same. */
  synchronized void silent(HostPort address) {
    Seed seed = wanted.get(address);
    if (seed != null) {
      seed.calling = false;
      long spread = ThreadLocalRandom.current().nextLong(seed.pauseNanos / 4 + 1);
      seed.dueNanos = clock.getAsLong() + seed.pauseNanos - spread;
      seed.pauseNanos = Math.min(2 * seed.pauseNanos, MOST_NANOS);
    }
  }
}
