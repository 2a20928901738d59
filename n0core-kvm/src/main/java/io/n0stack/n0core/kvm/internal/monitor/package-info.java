/** The connections to QEMU and to agents in guests, and what their silence means. */
@NullMarked
package io.n0stack.n0core.kvm.internal.monitor;

import org.jspecify.annotations.NullMarked;
