/** What people see of machines: screens and serial consoles. */
@NullMarked
package io.n0stack.n0core.kvm.internal.console;

import org.jspecify.annotations.NullMarked;
