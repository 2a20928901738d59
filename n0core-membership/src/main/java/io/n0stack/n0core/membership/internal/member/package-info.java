/** A member: what it must find before it starts, how it joins, looks at the others, and leaves. */
@NullMarked
package io.n0stack.n0core.membership.internal.member;

import org.jspecify.annotations.NullMarked;
