package io.n0stack.n0core.membership.internal.identity;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who uses which name, from connections of their own and not from hearsay. A name that is in use is
 * not given to another process until the first has left, or is gone for as long as a suspect has to
 * speak up; a new start at the same address takes over, since only one can listen there. That it is at
 * that address is seen from where its connections come from.
 */
public final class Claims {
  private static final Logger LOG = LoggerFactory.getLogger(Claims.class);
  private static final int MOST = 16_384;

  /**
   * A name's user, and when it was last heard.
   *
   * @param peer who it is
   * @param heardNanos when, by the clock
   */
  public record Claim(Peer peer, long heardNanos) {}

  private final Map<String, Claim> claims = new LinkedHashMap<>();
  private final long lapseNanos;
  private final LongSupplier clock;
  private Set<String> living = Set.of();
  private Consumer<String> keyChanged = name -> {};
  private long reportedNanos;

  /**
   * Begins with no claims.
   *
   * @param timings how long a suspect has to speak up
   * @param clock tells the time in nanoseconds
   */
  public Claims(Timings timings, LongSupplier clock) {
    this.reportedNanos = clock.getAsLong() - TimeUnit.MINUTES.toNanos(1);
    this.lapseNanos =
        timings.failureTimeout().plus(timings.probeTimeout().multipliedBy(2)).toNanos();
    this.clock = clock;
  }

  /**
   * Sets who is told when the user of a name has proved another key than before.
   *
   * @param listener told the name, on the connection's thread and while no lock is held
   */
  public synchronized void onKeyChange(Consumer<String> listener) {
    keyChanged = listener;
  }

  /**
   * Lets a peer use its name, from a new connection of it.
   *
   * @param self this member
   * @param peer who it is
   * @param from the address that the connection leads to or comes from
   * @throws Refused if this member or a living one has the name
   */
  public void admit(Peer self, Peer peer, String from) throws Refused {
    Consumer<String> told;
    synchronized (this) {
      Optional<Peer> before = find(peer.name()).map(Claim::peer);
      claim(self, peer, from);
      boolean changed =
          before.isPresent() && !before.get().identityKey().equals(peer.identityKey());
      told = changed ? keyChanged : name -> {};
    }
    told.accept(peer.name());
  }

  private void claim(Peer self, Peer peer, String from) throws Refused {
    if (peer.name().equals(self.name())) {
      if (peer.bootId().equals(self.bootId())) {
        return;
      }
      throw refused(peer, self.address(), "this member");
    }
    Claim held = claims.get(peer.name());
    long now = clock.getAsLong();
    boolean there = held != null
        && held.peer().address().equals(peer.address())
        && peer.address().host().equals(from);
    if (held != null
        && !there
        && (living.contains(held.peer().bootId()) || now - held.heardNanos() < lapseNanos)) {
      throw refused(peer, held.peer().address(), "another member");
    }
    claims.remove(peer.name()); // the oldest come first
    claims.put(peer.name(), new Claim(peer, now));
    if (claims.size() > MOST) {
      forgetOne(now);
    }
  }

  private Refused refused(Peer peer, HostPort holder, String who) {
    String text = "the name \"" + peer.name() + "\" is in use by " + who + " at " + holder;
    long now = clock.getAsLong();
    if (now - reportedNanos > TimeUnit.SECONDS.toNanos(10)) {
      reportedNanos = now;
      LOG.warn("member {} at {} is refused: {}", peer.name(), peer.address(), text);
    }
    return new Refused(Reason.DUPLICATE, text);
  }

  private void forgetOne(long now) {
    Iterator<Claim> oldest = claims.values().iterator();
    while (oldest.hasNext()) {
      Claim claim = oldest.next();
      if (!living.contains(claim.peer().bootId())
          && now - claim.heardNanos() > TimeUnit.MINUTES.toNanos(1)) {
        oldest.remove();
        return;
      }
    }
  }

  /**
   * Notes that a frame came from a peer.
   *
   * @param peer the peer
   */
  public synchronized void heard(Peer peer) {
    Claim held = claims.get(peer.name());
    if (held != null && held.peer().bootId().equals(peer.bootId())) {
      claims.put(peer.name(), new Claim(held.peer(), clock.getAsLong()));
    }
  }

  /**
   * Frees the name of one that has left.
   *
   * @param bootId which start of it
   */
  public synchronized void left(String bootId) {
    claims.values().removeIf(claim -> claim.peer().bootId().equals(bootId));
  }

  /**
   * Notes which starts are alive; their names stay theirs.
   *
   * @param bootIds the starts
   */
  public synchronized void living(Collection<String> bootIds) {
    living = Set.copyOf(bootIds);
  }

  /**
   * Finds who uses a name.
   *
   * @param name the name
   * @return its user, empty if none is known
   */
  public synchronized Optional<Claim> find(String name) {
    return Optional.ofNullable(claims.get(name));
  }

  /**
   * Lists who uses which name now.
   *
   * @return the users by name
   */
  public synchronized Map<String, Claim> all() {
    return new HashMap<>(claims);
  }
}
