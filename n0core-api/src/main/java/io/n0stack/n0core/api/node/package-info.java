/** Nodes: records, liveness, and the state that follows from both. */
@NullMarked
package io.n0stack.n0core.api.node;

import org.jspecify.annotations.NullMarked;
