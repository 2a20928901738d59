/** What is written about a machine, and where: its directory, its launches, its addresses. */
@NullMarked
package io.n0stack.n0core.kvm.internal.record;

import org.jspecify.annotations.NullMarked;
