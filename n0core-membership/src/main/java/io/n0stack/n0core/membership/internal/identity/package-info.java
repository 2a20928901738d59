/** Who is at the other end of a connection: what proves it, and whose a name is. */
@NullMarked
package io.n0stack.n0core.membership.internal.identity;

import org.jspecify.annotations.NullMarked;
