/** Tests of who is alive and who is called. */
@NullMarked
package io.n0stack.n0core.membership.internal.view;

import org.jspecify.annotations.NullMarked;
