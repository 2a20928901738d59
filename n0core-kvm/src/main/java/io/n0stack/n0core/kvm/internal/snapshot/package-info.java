/** The snapshots of machines: taken, reverted to, deleted, and brought to an end. */
@NullMarked
package io.n0stack.n0core.kvm.internal.snapshot;

import org.jspecify.annotations.NullMarked;
