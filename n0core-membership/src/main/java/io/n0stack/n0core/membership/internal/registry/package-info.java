/** The node registry: who may ask what, in which messages, and what becomes of nodes. */
@NullMarked
package io.n0stack.n0core.membership.internal.registry;

import org.jspecify.annotations.NullMarked;
