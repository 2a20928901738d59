package io.n0stack.n0core.membership.internal.view;

import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Peer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Derives who is alive from three things: what Atomix lists, who has greeted this member with which
 * name and when it was last heard, and who has said goodbye. Gossip alone makes nobody a member. A
 * suspect counts as gone once it has not been heard for the failure timeout, by a clock that nobody
 * can set, whatever Atomix makes of the wall clock. Used under the owner's lock.
 */
public final class LivingMembers {
  private static final Logger LOG = LoggerFactory.getLogger(LivingMembers.class);
  private static final int REMEMBERED = 1024;
  private static final long QUIET_NANOS = Duration.ofSeconds(10).toNanos();
  private static final long SILENT_NANOS = Duration.ofSeconds(20).toNanos();
  private static final long RECENT_NANOS = Duration.ofMillis(200).toNanos();
  private static final long FIRST_ASK_NANOS = Duration.ofMillis(500).toNanos();
  private static final long LONGEST_ASK_NANOS = Duration.ofSeconds(30).toNanos();

  /** If nobody has looked for so long, the process did not run. */
  public static final Duration PAUSE = Duration.ofSeconds(2);

  /** What Atomix thinks of a member. */
  public enum Reach {
    REACHABLE,
    SUSPECT
  }

  /**
   * A start of a member as Atomix lists it; nothing in it is checked.
   *
   * @param id what Atomix knows it by
   * @param address where Atomix reaches it
   * @param reach what Atomix thinks of it
   */
  public record Listed(String id, HostPort address, Reach reach) {}

  /** What is known of a start that was alive. */
  private static final class Track {
    private Member member;
    private long suspectSince; // while suspect
    private boolean suspect;
    private boolean gone;
    private long goneSince;
    private long heard;

    private HostPort address;

    private Track(Member member, HostPort address) {
      this.member = member;
      this.address = address;
    }

    private void update(Peer peer) {
      if (!address.equals(peer.address())) {
        member = member(peer);
        address = peer.address();
      }
    }
  }

  /** When to ask one next that is not seen. */
  private record Ask(long dueNanos, long pauseNanos) {}

  private final Member self;
  private final long failureNanos;
  private final long suspicionNanos;
  private final LongSupplier clock;
  private final Set<String> left = new LinkedHashSet<>();
  private final Map<String, Track> tracks = new HashMap<>();
  private final Map<String, Ask> asks = new HashMap<>();
  private long lastNanos;
  private boolean firstHand;

  /**
   * Begins with this member alone.
   *
   * @param self this member
   * @param timings how quickly a silent member is given up
   * @param clock tells the time in nanoseconds
   */
  public LivingMembers(Member self, Timings timings, LongSupplier clock) {
    this.self = self;
    this.failureNanos = timings.failureTimeout().toNanos();
    // Before it is suspect, it has been silent for two probes.
    this.suspicionNanos = Math.max(
        failureNanos / 2, failureNanos - timings.probeTimeout().multipliedBy(2).toNanos());
    this.clock = clock;
    this.lastNanos = clock.getAsLong();
  }

  /**
   * Relies on others' word for a while only: who has been quiet is asked, and who does not answer this
   * member for long is suspect, whatever others say of it.
   */
  public void wantFirstHand() {
    firstHand = true;
  }

  /** Begins to look; what was before is no pause. */
  public void begin() {
    lastNanos = clock.getAsLong();
  }

  /**
   * Remembers that a start of a process has said goodbye; a later start of it is another.
   *
   * @param bootId which start
   */
  public void leave(String bootId) {
    if (bootId.equals(self.bootId()) || !left.add(bootId)) {
      return;
    }
    if (left.size() > REMEMBERED) {
      Iterator<String> oldest = left.iterator();
      oldest.next();
      oldest.remove();
    }
  }

  /**
   * Names the listed ones that have not greeted this member; they are to be called.
   *
   * @param listed the listed ones
   * @param self what Atomix knows this member by
   * @param claims tells who uses a name
   * @return their addresses
   */
  public static List<HostPort> strangers(
      Collection<Listed> listed, String self, Function<String, Optional<Claims.Claim>> claims) {
    return listed.stream()
        .filter(one -> !one.id().equals(self))
        .filter(one -> claim(one, claims).isEmpty())
        .map(Listed::address)
        .distinct()
        .toList();
  }

  private static Optional<Claims.Claim> claim(
      Listed one, Function<String, Optional<Claims.Claim>> claims) {
    int at = one.id().indexOf('@');
    return at < 0
        ? Optional.empty()
        : claims.apply(one.id().substring(0, at)).filter(claim -> claim.peer().bears(one.id()));
  }

  /**
   * Looks at all, and tells who is alive.
   *
   * @param listed whom Atomix lists
   * @param claims tells who uses a name
   * @return who is alive, this member among them
   */
  public Set<Member> among(
      Collection<Listed> listed, Function<String, Optional<Claims.Claim>> claims) {
    long now = clock.getAsLong();
    forgivePause(now);
    Set<String> present = new HashSet<>();
    for (Listed one : listed) {
      Optional<Claims.Claim> claim = claim(one, claims);
      if (claim.isPresent() && !left.contains(claim.get().peer().bootId())) {
        present.add(one.id());
        see(one, claim.get(), now);
      }
    }
    Set<Member> living = new HashSet<>(Set.of(self));
    tracks.values().removeIf(track -> superseded(track, claims));
    tracks.forEach((id, track) -> {
      if (!present.contains(id)) {
        suspect(track, now); // Atomix may have given it up by a clock that was set
      }
      claims.apply(track.member.name()).ifPresent(claim -> track.heard = claim.heardNanos());
      expire(track, now);
      if (!track.gone) {
        living.add(track.member);
      }
    });
    return Set.copyOf(living);
  }

  /** A process that did not run has not seen the others' signs of life. */
  private void forgivePause(long now) {
    long gap = now - lastNanos;
    lastNanos = now;
    if (gap > PAUSE.toNanos()) {
      LOG.warn("this process did not run for {} ms", Duration.ofNanos(gap).toMillis());
      tracks.values().forEach(track -> track.suspectSince += gap);
    }
  }

  private boolean superseded(Track track, Function<String, Optional<Claims.Claim>> claims) {
    String boot = track.member.bootId();
    return left.contains(boot)
        || claims
            .apply(track.member.name())
            .map(claim -> !claim.peer().bootId().equals(boot))
            .orElse(true);
  }

  private void see(Listed one, Claims.Claim claim, long now) {
    Track track = tracks.get(one.id());
    if (track == null) {
      Member member = member(claim.peer());
      if (one.reach() == Reach.REACHABLE && !member.equals(self)) {
        tracks.put(one.id(), new Track(member, claim.peer().address()));
      }
      return;
    }
    track.update(claim.peer());
    if (one.reach() == Reach.SUSPECT) {
      suspect(track, now);
    } else if (firstHand && now - claim.heardNanos() >= SILENT_NANOS) {
      suspect(track, now);
    } else if (!track.gone || claim.heardNanos() - track.goneSince > 0) {
      track.suspect = false;
      track.gone = false;
    }
  }

  private static Member member(Peer peer) {
    return new Member(peer.name(), peer.address().toString(), peer.bootId());
  }

  private static void suspect(Track track, long now) {
    if (!track.suspect) {
      track.suspect = true;
      track.suspectSince = now;
    }
  }

  private void expire(Track track, long now) {
    if (track.suspect && !track.gone && now - end(track) >= 0) {
      track.gone = true;
      track.goneSince = now;
    }
  }

  private long end(Track track) {
    long suspicion = track.suspectSince + suspicionNanos;
    long silence = track.heard + failureNanos;
    return suspicion - silence > 0 ? suspicion : silence;
  }

  /**
   * Lists where those are who are suspect, or quiet, to be asked for a sign of life; first who has been
   * silent for longest, and nobody who has just been heard.
   *
   * @return their addresses
   */
  public List<HostPort> suspects() {
    long now = clock.getAsLong();
    return tracks.values().stream()
        .filter(track -> !track.gone)
        .filter(track -> track.suspect
            ? now - track.heard >= RECENT_NANOS
            : firstHand && now - track.heard >= QUIET_NANOS)
        .sorted(Comparator.comparingLong((Track track) -> track.heard - now))
        .map(track -> track.address)
        .toList();
  }

  /**
   * Lists where those are who have greeted this member but are not alive as far as is known, to be asked
   * whether they have joined, now and then: Atomix may have been told that they are dead.
   *
   * @param greeted who has greeted this member
   * @return their addresses
   */
  public List<HostPort> unseen(Collection<Peer> greeted) {
    long now = clock.getAsLong();
    Map<String, Ask> before = Map.copyOf(asks);
    asks.clear();
    List<HostPort> due = new ArrayList<>();
    for (Peer peer : greeted) {
      Track track = tracks.get(peer.id());
      boolean unseen = (track == null || track.gone) && !left.contains(peer.bootId());
      if (unseen && !peer.name().equals(self.name())) {
        Ask ask = before.getOrDefault(peer.id(), new Ask(now, FIRST_ASK_NANOS));
        if (now - ask.dueNanos() >= 0) {
          due.add(peer.address());
          ask = new Ask(now + ask.pauseNanos(), Math.min(2 * ask.pauseNanos(), LONGEST_ASK_NANOS));
        }
        asks.put(peer.id(), ask);
      }
    }
    return due;
  }

  /**
   * Tells whether there are such that are to be asked, now or later.
   *
   * @return whether there are, as of the last list of {@link #unseen}
   */
  public boolean hasUnseen() {
    return !asks.isEmpty();
  }

  /**
   * Notes that one is alive and has joined, whatever Atomix makes of it.
   *
   * @param peer who it is
   */
  public void answered(Peer peer) {
    if (left.contains(peer.bootId()) || peer.name().equals(self.name())) {
      return;
    }
    long now = clock.getAsLong();
    Track track = tracks.computeIfAbsent(peer.id(), id -> new Track(member(peer), peer.address()));
    if (track.gone) {
      track.gone = false;
      track.suspectSince = now;
    }
  }

  /**
   * Tells when the next suspect is given up, if nothing else happens.
   *
   * @return how long from now, empty if there is no suspect
   */
  public Optional<Duration> next() {
    long now = clock.getAsLong();
    return tracks.values().stream()
        .filter(track -> track.suspect && !track.gone)
        .map(track -> Duration.ofNanos(Math.max(0, end(track) - now)))
        .min(Duration::compareTo);
  }
}
