/** The machine driver: QEMU processes that outlive the agent. */
@NullMarked
package io.n0stack.n0core.kvm;

import org.jspecify.annotations.NullMarked;
