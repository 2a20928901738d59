/** What a guest is told at its first boot: cloud-init data on a small ISO 9660 image. */
@NullMarked
package io.n0stack.n0core.storage.seed;

import org.jspecify.annotations.NullMarked;
