/** Tests of the frame; the figures are no tests. */
@NullMarked
package io.n0stack.n0core.benchmarks;

import org.jspecify.annotations.NullMarked;
