/** How machines are started, turned off, saved and restored. */
@NullMarked
package io.n0stack.n0core.kvm.internal.power;

import org.jspecify.annotations.NullMarked;
