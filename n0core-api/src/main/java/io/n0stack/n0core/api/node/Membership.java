package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import java.util.Set;
import java.util.concurrent.Executor;

/**
 * Who is alive, as seen from this process. It informs and never commands: that a member is gone is
 * no reason to delete anything.
 *
 * <p>Thread-safe. The program that creates it closes it.
 *
 * @since 0.1
 */
public interface Membership extends AutoCloseable {
  /**
   * Returns this process's own member.
   *
   * @return the member, the same for the life of this object
   */
  Member self();

  /**
   * Starts listening and looking for others; from then on it never stops trying to reach the members
   * it was configured with. Returns without waiting for them.
   *
   * @throws N0Exception ALREADY_EXISTS or PERMISSION if it cannot listen on its address
   */
  void join();

  /** Tells the others that this member goes, and stops. Does nothing if it has not joined. */
  void leave();

  /**
   * Lists the members that are alive now, this one included once it has joined.
   *
   * @return a snapshot
   */
  Set<Member> members();

  /**
   * Calls back, in order, after every change of {@link #members()}.
   *
   * @param executor what runs the listener
   * @param listener called with the new members; never while a lock is held
   * @return the subscription, which the caller closes
   */
  Subscription subscribe(Executor executor, Listener listener);

  /** Stops without telling the others, as a crash would. Call {@link #leave()} first to go in peace. */
  @Override
  void close();

  /** Hears of changes. */
  @FunctionalInterface
  interface Listener {
    /**
     * Is told who is alive now.
     *
     * @param members all members
     */
    void membersChanged(Set<Member> members);
  }
}
