/** Reads, makes and enlarges qcow2 images without QEMU, and decides which images from outside may be shown to it. */
@NullMarked
package io.n0stack.n0core.storage.qcow2;

import org.jspecify.annotations.NullMarked;
