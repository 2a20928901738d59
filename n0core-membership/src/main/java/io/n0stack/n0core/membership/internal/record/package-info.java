/** The records in a store: how they are written, and a mirror of them in memory. */
@NullMarked
package io.n0stack.n0core.membership.internal.record;

import org.jspecify.annotations.NullMarked;
