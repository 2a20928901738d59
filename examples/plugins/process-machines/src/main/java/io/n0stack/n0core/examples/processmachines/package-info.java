/**
 * A driver of machines to copy, which is no hypervisor: each machine is a plain process without guest,
 * devices and power button, and every spec that asks for more is refused. Linux only.
 */
@NullMarked
package io.n0stack.n0core.examples.processmachines;

import org.jspecify.annotations.NullMarked;
