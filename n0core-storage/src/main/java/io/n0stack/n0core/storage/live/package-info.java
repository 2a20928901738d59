/** Works on the disks of running machines: resize, snapshot, commit, flatten, mirror, backup, export. */
@NullMarked
package io.n0stack.n0core.storage.live;

import org.jspecify.annotations.NullMarked;
