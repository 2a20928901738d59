/** How the driver works: command lines, processes, directories, devices. */
@NullMarked
package io.n0stack.n0core.kvm.internal;

import org.jspecify.annotations.NullMarked;
