/** n0core's figures: each measured against its peer or floor in the same run. */
@NullMarked
package io.n0stack.n0core.benchmarks;

import org.jspecify.annotations.NullMarked;
