package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;

/**
 * Membership over the simulated network. Its process's death silences it, and others miss it after
 * {@link SimNetwork#DETECTION}.
 *
 * @since 0.1
 */
public final class SimMembership implements Membership {
  private record Watcher(Executor executor, Listener listener) {}

  private final SimNetwork network;
  private final SimProcess process;
  private final Member self;
  private final List<Watcher> watchers = new ArrayList<>();
  private Set<Member> last = Set.of();

  SimMembership(SimNetwork network, SimProcess process, int boot) {
    this.network = network;
    this.process = process;
    String name = process.host().name();
    this.self = new Member(name, name, "boot-" + Integer.toHexString(boot));
  }

  SimProcess process() {
    return process;
  }

  @Override
  public Member self() {
    return self;
  }

  @Override
  public void join() {
    process.requireAlive();
    network.join(this);
  }

  @Override
  public void leave() {
    process.requireAlive();
    network.leave(this);
  }

  @Override
  public Set<Member> members() {
    process.requireAlive();
    return network.seenBy(this);
  }

  @Override
  public Subscription subscribe(Executor executor, Listener listener) {
    Watcher watcher = new Watcher(executor, listener);
    watchers.add(watcher);
    return () -> watchers.remove(watcher);
  }

  void look() {
    if (process.dead() || watchers.isEmpty()) {
      return;
    }
    Set<Member> now = network.seenBy(this);
    if (!now.equals(last)) {
      last = now;
      watchers.forEach(
          watcher -> watcher.executor().execute(() -> watcher.listener().membersChanged(now)));
    }
  }

  @Override
  public void close() {
    network.silence(this);
  }
}
