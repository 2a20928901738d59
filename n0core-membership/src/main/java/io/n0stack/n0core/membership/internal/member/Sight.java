package io.n0stack.n0core.membership.internal.member;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership.Listener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;

/** Whom a member sees, and who is told when that changes. Thread-safe. */
final class Sight {
  private final List<Delivery<Set<Member>>> deliveries = new CopyOnWriteArrayList<>();
  private final Object order = new Object();
  private volatile Set<Member> members = Set.of();
  private boolean closed;

  Set<Member> members() {
    return members;
  }

  Subscription subscribe(Executor executor, Listener listener) {
    List<Delivery<Set<Member>>> itself = new ArrayList<>(1);
    Delivery<Set<Member>> delivery = new Delivery<>(
        executor, listener::membersChanged, () -> deliveries.removeAll(List.copyOf(itself)));
    itself.add(delivery);
    synchronized (order) { // or it would be told of members that could be seen before
      deliveries.add(delivery);
    }
    return delivery;
  }

  /** Shows these from now on, and nobody else. */
  void show(Set<Member> now) {
    synchronized (order) {
      if (closed || now.equals(members)) {
        return;
      }
      Map<String, String> boots = new HashMap<>();
      now.forEach(member -> boots.put(member.name(), member.bootId()));
      Set<Member> between = new HashSet<>(members);
      boolean restarted = between.removeIf(
          before -> !before.bootId().equals(boots.getOrDefault(before.name(), before.bootId())));
      if (restarted) {
        // A new start under a name is the old one's end first.
        deliveries.forEach(delivery -> delivery.offer(Set.copyOf(between)));
      }
      members = now;
      deliveries.forEach(delivery -> delivery.offer(now));
    }
    deliveries.forEach(Delivery::dispatch);
  }

  /** Shows nobody any more, and tells nobody: that a member stops looking says nothing of the others. */
  void close() {
    synchronized (order) {
      closed = true;
      members = Set.of();
    }
    deliveries.forEach(Delivery::close);
  }
}
