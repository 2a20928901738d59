/** Tests of the node registry without a network. */
@NullMarked
package io.n0stack.n0core.membership.internal.registry;

import org.jspecify.annotations.NullMarked;
