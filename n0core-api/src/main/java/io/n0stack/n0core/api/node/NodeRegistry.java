package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import java.util.List;
import java.util.Optional;

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
   * @param state {@link NodeState#READY} or {@link NodeState#NOT_READY}
   */
  record Entry(Node node, NodeState state) {}

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
}
