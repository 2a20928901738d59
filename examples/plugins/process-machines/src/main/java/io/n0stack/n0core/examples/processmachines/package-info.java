/**
 * A compute driver to copy, which is no hypervisor: each machine is a plain process without a guest,
 * and all that a process cannot be is refused.
 */
@NullMarked
package io.n0stack.n0core.examples.processmachines;

import org.jspecify.annotations.NullMarked;
