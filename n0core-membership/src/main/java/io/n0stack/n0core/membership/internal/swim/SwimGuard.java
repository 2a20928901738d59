package io.n0stack.n0core.membership.internal.swim;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Decides what of the protocol's messages Atomix gets to hear. A member speaks for itself only: who
 * probes or asks for the list does it under its own name. A probe is meant for one start of one
 * member: Atomix itself would let whoever listens at its address answer for it, so that it never died.
 * And what one tells of others is limited: who has greeted this member is where it said, nobody can be
 * made to count beyond what can be counted, and only so many are believed to exist.
 */
final class SwimGuard {
  /** The most that are listed although they have not greeted this member. */
  static final int MOST_UNCONFIRMED = 1024;

  /** What others may say of an incarnation; the member itself can still say more. */
  static final long MOST_HEARSAY = SwimWire.MOST_INCARNATION / 2;

  private final Supplier<Peer> self;
  private final Function<String, Optional<HostPort>> greeted;
  private final Set<String> unconfirmed = ConcurrentHashMap.newKeySet();
  private volatile long probedNanos = System.nanoTime();

  /**
   * Guards one member.
   *
   * @param greeted tells where a start of a member is that has greeted this one, by what Atomix knows
   *     it by
   */
  SwimGuard(Supplier<Peer> self, Function<String, Optional<HostPort>> greeted) {
    this.self = self;
    this.greeted = greeted;
  }

  void sent(String subject) {
    if (subject.equals(SwimMessages.PROBE)) {
      probedNanos = System.nanoTime();
    }
  }

  Duration sinceProbe() {
    return Duration.ofNanos(System.nanoTime() - probedNanos);
  }

  /** Forgets those of whom others told but whom Atomix does not list any more. */
  void listed(Collection<String> ids) {
    unconfirmed.retainAll(ids);
  }

  /**
   * Checks what another asks or tells before Atomix gets it.
   *
   * @return what of it Atomix gets
   * @throws N0Exception PERMISSION if it speaks for another; NOT_FOUND if it is meant for another
   */
  List<Optional<Told>> question(String subject, Peer from, List<Optional<Told>> members) {
    switch (subject) {
      case SwimMessages.NEWS -> {
        return believed(members);
      }
      case SwimMessages.SYNC -> requireOwn(from, only(members, 0));
      case SwimMessages.PROBE -> {
        requireOwn(from, only(members, 0));
        requireHere(only(members, 1));
      }
      default -> requireKnown(from, only(members, 0));
    }
    return members;
  }

  /** Leaves out of an answer what is not believed. */
  List<Optional<Told>> answer(String subject, List<Optional<Told>> members) {
    if (!subject.equals(SwimMessages.PROBE)) {
      return believed(members);
    }
    return members.stream().map(member -> member.filter(this::believable)).toList();
  }

  private static Told only(List<Optional<Told>> members, int at) {
    return Optional.of(members)
        .filter(all -> all.size() > at)
        .flatMap(all -> all.get(at))
        .orElseThrow(() -> N0Exception.invalid("member", "none", "must be there"));
  }

  private static void requireOwn(Peer from, Told claimed) {
    if (!claimed.id().equals(from.id())
        || !claimed.address().equals(from.address())
        || !claimed.ofMember()) {
      throw new N0Exception(
          Code.PERMISSION,
          from.name(),
          "\"" + from.id() + "\" at " + from.address() + " may not speak for \"" + claimed.id()
              + "\" at " + claimed.address());
    }
  }

  private void requireHere(Told meant) {
    if (!meant.id().startsWith(SeedDiscovery.PREFIX)
        && !meant.id().equals(self.get().id())) {
      throw new N0Exception(
          Code.NOT_FOUND, meant.id(), "probe \"" + meant.id() + "\": it is not here");
    }
  }

  /** Lets nobody have any address probed. */
  private void requireKnown(Peer from, Told suspect) {
    boolean known = suspect.ofMember()
        && (greeted.apply(suspect.id()).filter(suspect.address()::equals).isPresent()
            || unconfirmed.contains(suspect.id()));
    if (!known) {
      throw new N0Exception(
          Code.NOT_FOUND,
          suspect.id(),
          "probe \"" + suspect.id() + "\" for \"" + from.id() + "\": it is not known here");
    }
  }

  private List<Optional<Told>> believed(List<Optional<Told>> members) {
    return members.stream()
        .filter(member -> member.filter(this::believable).isPresent())
        .toList();
  }

  private boolean believable(Told told) {
    if (!told.ofMember() || told.incarnation() > MOST_HEARSAY) {
      return false;
    }
    if (told.id().equals(self.get().id())) {
      return true;
    }
    Optional<HostPort> address = greeted.apply(told.id());
    if (address.isPresent()) {
      return address.get().equals(told.address());
    }
    return unconfirmed.contains(told.id())
        || (told.state() == State.ALIVE
            && unconfirmed.size() < MOST_UNCONFIRMED
            && unconfirmed.add(told.id()));
  }
}
