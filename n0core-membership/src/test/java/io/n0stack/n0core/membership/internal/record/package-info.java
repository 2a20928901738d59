/** Tests of records. */
@NullMarked
package io.n0stack.n0core.membership.internal.record;

import org.jspecify.annotations.NullMarked;
