package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** A membership that says what the test writes into it. */
final class WrittenMembership implements Membership {
  Optional<String> key = Optional.empty();
  private final Set<Member> members = ConcurrentHashMap.newKeySet();
  private final List<Delivery<Set<Member>>> deliveries = new ArrayList<>();

  void alive(String name, String boot) {
    members.removeIf(member -> member.name().equals(name));
    members.add(new Member(name, "127.0.0.1:1", boot));
    tell();
  }

  void gone(String name) {
    members.removeIf(member -> member.name().equals(name));
    tell();
  }

  private void tell() {
    deliveries.forEach(delivery -> delivery.offer(members()));
    deliveries.forEach(Delivery::dispatch);
  }

  @Override
  public Member self() {
    return new Member("api-1", "127.0.0.1:2", "b0");
  }

  Optional<String> identityKey(String name) {
    return key;
  }

  @Override
  public void join() {}

  @Override
  public void leave() {}

  @Override
  public Set<Member> members() {
    return Set.copyOf(members);
  }

  @Override
  public Subscription subscribe(Executor executor, Listener listener) {
    Delivery<Set<Member>> delivery = new Delivery<>(executor, listener::membersChanged, () -> {});
    deliveries.add(delivery);
    return delivery;
  }

  @Override
  public void close() {}
}
