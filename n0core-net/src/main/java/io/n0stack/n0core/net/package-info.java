/** Drivers for networks and ports on the kernel's bridges and taps. */
@NullMarked
package io.n0stack.n0core.net;

import org.jspecify.annotations.NullMarked;
