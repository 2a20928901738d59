/** What the packages of membership share: waits that end, and what an address looks like. */
@NullMarked
package io.n0stack.n0core.membership.internal;

import org.jspecify.annotations.NullMarked;
