/** Tests of who is at the other end. */
@NullMarked
package io.n0stack.n0core.membership.internal.identity;

import org.jspecify.annotations.NullMarked;
