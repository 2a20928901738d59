package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.node.NodeState;

/**
 * A node's state has changed.
 *
 * @param name the node's name
 * @param before the state it had
 * @param now the state it has; {@link NodeState#UNREGISTERED} for a member without a record
 * @since 0.1
 */
public record NodeChange(String name, NodeState before, NodeState now) {}
