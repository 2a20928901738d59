/** How machines move between hosts, and who owns one meanwhile. */
@NullMarked
package io.n0stack.n0core.kvm.internal.migration;

import org.jspecify.annotations.NullMarked;
