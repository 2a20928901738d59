package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;

/**
 * The records of nodes, and the states that follow from them and from membership. Thread-safe.
 *
 * @since 0.1
 */
public interface NodeRegistry {
  /**
   * A node and its state.
   *
   * @param node the record
   * @param state {@link NodeState#READY}, {@link NodeState#NOT_READY} or {@link NodeState#UNKNOWN}
   */
  record Entry(Node node, NodeState state) {}

  /**
   * A record and its revision, for {@link #saveIf}.
   *
   * @param node the record
   * @param revision its revision, more than 0
   * @since 0.1
   */
  record Revised(Node node, long revision) {}

  /**
   * A node as it is after a change of its record or of its state.
   *
   * @param name its name
   * @param now the node, empty if its record was removed
   * @param revision its record's revision, 0 if that was removed
   * @param position where a watch can go on after this, see {@link #watch}
   * @since 0.1
   */
  record NodeEvent(String name, Optional<Entry> now, long revision, String position) {}

  /**
   * Saves a record, durably when it returns; replaces an earlier one of the same name.
   *
   * @param node the record
   * @throws N0Exception UNAVAILABLE if no registry can be reached
   */
  void save(Node node);

  /**
   * Removes a record. One that does not exist is removed.
   *
   * @param name the node's name
   * @throws N0Exception UNAVAILABLE if no registry can be reached
   */
  void remove(String name);

  /**
   * Finds a node.
   *
   * @param name its name
   * @return the node, empty if there is no record
   * @throws N0Exception UNAVAILABLE if no registry can be reached
   */
  Optional<Entry> find(String name);

  /**
   * Lists all nodes.
   *
   * @return the nodes by name
   * @throws N0Exception UNAVAILABLE if no registry can be reached
   */
  List<Entry> nodes();

  /**
   * Finds a record and its revision.
   *
   * @param name its name
   * @return the record, empty if there is none
   * @throws N0Exception UNAVAILABLE if no registry can be reached
   */
  default Optional<Revised> findRevised(String name) {
    throw new UnsupportedOperationException("find the revision of node " + name);
  }

  /**
   * Saves a record if nobody has changed it meanwhile.
   *
   * @param node the record
   * @param expectedRevision the revision it must have now, 0 if there must be none
   * @return its new revision
   * @throws N0Exception PRECONDITION if its revision is another; UNAVAILABLE if no registry can be
   *     reached
   */
  default long saveIf(Node node, long expectedRevision) {
    throw new UnsupportedOperationException("save node " + node.name() + " by revision");
  }

  /**
   * Removes a record if nobody has changed it meanwhile.
   *
   * @param name the node's name
   * @param expectedRevision the revision it must have now
   * @throws N0Exception PRECONDITION if its revision is another; UNAVAILABLE if no registry can be
   *     reached
   */
  default void removeIf(String name, long expectedRevision) {
    throw new UnsupportedOperationException("remove node " + name + " by revision");
  }

  /**
   * Tells of every node that has a record, then of every change of records and states. A node that
   * changes often is told of as it is in the end. When the connection is lost the watch goes on as soon
   * as a registry answers, and tells what has changed meanwhile, removals included.
   *
   * @param after the position of the last event that was heard, to hear what came after it; empty to
   *     begin anew. A registry that does not know the position any more tells of all nodes again.
   * @param executor what runs the watcher
   * @param watcher called with each event, in order; never while a lock is held
   * @return the subscription, which the caller closes
   */
  default Subscription watch(String after, Executor executor, Watcher watcher) {
    throw new UnsupportedOperationException("watch nodes");
  }

  /** Hears of nodes. */
  @FunctionalInterface
  interface Watcher {
    /**
     * Is told of one node.
     *
     * @param event the node as it is now
     */
    void nodeChanged(NodeEvent event);
  }
}
