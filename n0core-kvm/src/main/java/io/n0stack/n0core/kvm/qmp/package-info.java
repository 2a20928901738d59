/** A client for QEMU's monitor protocol, usable without the driver. */
@NullMarked
package io.n0stack.n0core.kvm.qmp;

import org.jspecify.annotations.NullMarked;
