/** QEMU processes: what is made ready for them, how they are started, looked at and ended. */
@NullMarked
package io.n0stack.n0core.kvm.internal.process;

import org.jspecify.annotations.NullMarked;
