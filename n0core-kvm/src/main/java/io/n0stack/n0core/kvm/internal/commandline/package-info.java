/** How the board of a launch is written for QEMU to start with. */
@NullMarked
package io.n0stack.n0core.kvm.internal.commandline;

import org.jspecify.annotations.NullMarked;
