/** Tests of membership and of the node registry. */
@NullMarked
package io.n0stack.n0core.membership;

import org.jspecify.annotations.NullMarked;
