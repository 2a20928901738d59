/** Who is alive, as this member sees it, and whom it calls to find out. */
@NullMarked
package io.n0stack.n0core.membership.internal.view;

import org.jspecify.annotations.NullMarked;
