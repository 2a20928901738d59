/** The connections between members, and the frames that go over them. */
@NullMarked
package io.n0stack.n0core.membership.internal.connection;

import org.jspecify.annotations.NullMarked;
