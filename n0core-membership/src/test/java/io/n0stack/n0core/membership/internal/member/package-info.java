/** Tests of a member. */
@NullMarked
package io.n0stack.n0core.membership.internal.member;

import org.jspecify.annotations.NullMarked;
