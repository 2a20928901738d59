/** Tests of the connections. */
@NullMarked
package io.n0stack.n0core.membership.internal.connection;

import org.jspecify.annotations.NullMarked;
