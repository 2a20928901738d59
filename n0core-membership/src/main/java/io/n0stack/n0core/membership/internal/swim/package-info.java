/** Atomix's membership protocol over the connections, in messages of our own form, guarded and tended. */
@NullMarked
package io.n0stack.n0core.membership.internal.swim;

import org.jspecify.annotations.NullMarked;
