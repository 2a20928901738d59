/** Tests of the work on the disks of running machines. */
@NullMarked
package io.n0stack.n0core.storage.live;

import org.jspecify.annotations.NullMarked;
