/** Files of disk images: QEMU's locks, sparse copies, creation that outlives a crash, and space. */
@NullMarked
package io.n0stack.n0core.storage.file;

import org.jspecify.annotations.NullMarked;
