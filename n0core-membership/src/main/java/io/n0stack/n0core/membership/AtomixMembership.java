package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership;
import io.n0stack.n0core.membership.internal.member.SwimMember;
import java.util.Set;
import java.util.concurrent.Executor;

/**
 * Membership by SWIM, on Atomix: members probe each other over TCP and gossip what they find.
 *
 * <p>Listens on the configured address and on nothing else. How members know each other is said by
 * the {@link Transport}. Gossip alone makes nobody a member: only who has connected and greeted under
 * its name is one. Thread-safe; the program that opens it closes it.
 *
 * @since 0.1
 */
public final class AtomixMembership implements Membership {
  private final SwimMember member;

  private AtomixMembership(SwimMember member) {
    this.member = member;
  }

  /**
   * Prepares a member; listens on nothing before {@link #join()} or the first request of a {@link
   * NodeRegistryClient}.
   *
   * @param config what it needs to know
   * @return the member, with a boot id of its own; the caller closes it
   * @throws N0Exception PRECONDITION, naming them, if the JVM lacks the flags that Atomix needs;
   *     UNSUPPORTED if the address is not isolated and the transport does not allow that; INVALID,
   *     naming file and rule, if certificates, key or secret cannot be used
   */
  public static AtomixMembership open(MembershipConfig config) {
    return new AtomixMembership(SwimMember.open(config));
  }

  /** Returns what the node registry needs more of. */
  SwimMember member() {
    return member;
  }

  @Override
  public Member self() {
    return member.self();
  }

  @Override
  public void join() {
    member.join();
  }

  @Override
  public void leave() {
    member.leave();
  }

  @Override
  public Set<Member> members() {
    return member.members();
  }

  @Override
  public Subscription subscribe(Executor executor, Listener listener) {
    return member.subscribe(executor, listener);
  }

  @Override
  public void close() {
    member.close();
  }
}
