/** Many members in one process, for figures: what it needs of membership's inside must not be in the product. */
@NullMarked
package io.n0stack.n0core.benchmarks.simulated;

import org.jspecify.annotations.NullMarked;
