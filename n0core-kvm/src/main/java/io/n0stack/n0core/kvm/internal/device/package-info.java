/** The devices that are plugged into a machine and out of it while its QEMU runs. */
@NullMarked
package io.n0stack.n0core.kvm.internal.device;

import org.jspecify.annotations.NullMarked;
