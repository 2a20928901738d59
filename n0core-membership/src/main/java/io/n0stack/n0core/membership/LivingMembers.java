package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Member;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Derives who is alive from what Atomix lists and from who has said goodbye: Atomix goes on listing
 * a member that left until it times out. Used under the owner's lock.
 */
final class LivingMembers {
  private static final Logger LOG = LoggerFactory.getLogger(LivingMembers.class);
  private static final int REMEMBERED = 1024;

  /** A member as Atomix lists it; nothing in it is checked. */
  record Listed(String name, String address, Optional<String> bootId) {}

  private final Member self;
  private final Set<String> left = new LinkedHashSet<>();

  LivingMembers(Member self) {
    this.self = self;
  }

  /** Remembers that a start of a process has said goodbye; a later start of it is another. */
  void leave(String bootId) {
    if (bootId.equals(self.bootId()) || !left.add(bootId)) {
      return;
    }
    if (left.size() > REMEMBERED) {
      Iterator<String> oldest = left.iterator();
      oldest.next();
      oldest.remove();
    }
  }

  Set<Member> among(Collection<Listed> listed) {
    Set<Member> living = new HashSet<>();
    living.add(self);
    for (Listed one : listed) {
      boolean gone = one.bootId().isEmpty() || left.contains(one.bootId().get());
      if (!gone && !one.name().equals(self.name())) {
        checked(one).ifPresent(living::add);
      }
    }
    return Set.copyOf(living);
  }

  private static Optional<Member> checked(Listed one) {
    try {
      return Optional.of(new Member(one.name(), one.address(), one.bootId().orElseThrow()));
    } catch (N0Exception e) {
      LOG.debug("ignored a member that is none of ours: {}", e.getMessage());
      return Optional.empty();
    }
  }
}
