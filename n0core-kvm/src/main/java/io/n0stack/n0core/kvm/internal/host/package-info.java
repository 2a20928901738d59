/** What this host offers to machines. */
@NullMarked
package io.n0stack.n0core.kvm.internal.host;

import org.jspecify.annotations.NullMarked;
