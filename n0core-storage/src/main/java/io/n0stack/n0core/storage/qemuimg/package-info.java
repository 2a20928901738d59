/** A typed client for {@code qemu-img} that confines every run; usable without an agent. */
@NullMarked
package io.n0stack.n0core.storage.qemuimg;

import org.jspecify.annotations.NullMarked;
