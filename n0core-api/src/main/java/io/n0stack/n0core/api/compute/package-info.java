/** Machines: spec, status, driver and capabilities. */
@NullMarked
package io.n0stack.n0core.api.compute;

import org.jspecify.annotations.NullMarked;
