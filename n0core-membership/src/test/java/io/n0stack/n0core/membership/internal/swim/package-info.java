/** Tests of the membership protocol, and a member that abuses it. */
@NullMarked
package io.n0stack.n0core.membership.internal.swim;

import org.jspecify.annotations.NullMarked;
