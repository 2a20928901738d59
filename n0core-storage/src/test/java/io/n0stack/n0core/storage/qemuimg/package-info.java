/** Tests of the client for {@code qemu-img}. */
@NullMarked
package io.n0stack.n0core.storage.qemuimg;

import org.jspecify.annotations.NullMarked;
