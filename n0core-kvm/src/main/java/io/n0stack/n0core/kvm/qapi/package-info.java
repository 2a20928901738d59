/** QEMU's monitor commands, results and events with types, on top of a QMP client. */
@NullMarked
package io.n0stack.n0core.kvm.qapi;

import org.jspecify.annotations.NullMarked;
