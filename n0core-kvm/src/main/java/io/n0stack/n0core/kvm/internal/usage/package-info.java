/** What machines use. */
@NullMarked
package io.n0stack.n0core.kvm.internal.usage;

import org.jspecify.annotations.NullMarked;
