/** What the packages of the driver share: the C library. How the driver works is in those below. */
@NullMarked
package io.n0stack.n0core.kvm.internal;

import org.jspecify.annotations.NullMarked;
