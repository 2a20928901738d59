package io.n0stack.n0core.membership;

import io.atomix.cluster.Member;
import io.atomix.cluster.protocol.SwimMembershipProtocol;
import io.atomix.utils.serializer.Serializer;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.function.Supplier;
import org.apache.commons.lang3.tuple.Pair;

/**
 * Looks into what Atomix's protocol says. A member speaks for itself only: who probes or asks for
 * the list does it under its own name. And a probe is meant for one start of one member: Atomix
 * itself would let whoever listens at its address answer for it, so that it never died.
 */
final class SwimGuard {
  private static final String SYNC = "atomix-membership-sync";
  private static final String PROBE = "atomix-membership-probe";

  private final Serializer serializer = serializer();
  private final Supplier<Peer> self;
  private volatile long probedNanos = System.nanoTime();

  SwimGuard(Supplier<Peer> self) {
    this.self = self;
  }

  private static Serializer serializer() {
    try {
      Field field = SwimMembershipProtocol.class.getDeclaredField("SERIALIZER");
      field.setAccessible(true);
      return (Serializer) field.get(null);
    } catch (ReflectiveOperationException e) {
      throw new N0Exception(
          Code.INTERNAL, "Atomix", "this Atomix is not the one that n0core was made for", e);
    }
  }

  void sent(String subject) {
    if (subject.equals(PROBE)) {
      probedNanos = System.nanoTime();
    }
  }

  Duration sinceProbe() {
    return Duration.ofNanos(System.nanoTime() - probedNanos);
  }

  /**
   * Checks a message before Atomix gets it.
   *
   * @throws N0Exception PERMISSION if it speaks for another; NOT_FOUND if it is meant for another
   */
  void check(String subject, Peer from, byte[] payload) {
    if (subject.equals(SYNC)) {
      requireOwn(from, serializer.decode(payload));
    } else if (subject.equals(PROBE)) {
      Pair<Member, Member> probe = serializer.decode(payload);
      requireOwn(from, probe.getLeft());
      String meant = probe.getRight().id().id();
      if (!meant.startsWith(SeedDiscovery.PREFIX) && !meant.equals(self.get().id())) {
        throw new N0Exception(Code.NOT_FOUND, meant, "probe \"" + meant + "\": it is not here");
      }
    }
  }

  private static void requireOwn(Peer from, Member claimed) {
    String address = claimed.address().host() + ":" + claimed.address().port();
    if (!claimed.id().id().equals(from.id()) || !address.equals(from.address().toString())) {
      throw new N0Exception(
          Code.PERMISSION,
          from.name(),
          "\"" + from.id() + "\" at " + from.address() + " may not speak for \""
              + claimed.id().id() + "\" at " + address);
    }
  }
}
