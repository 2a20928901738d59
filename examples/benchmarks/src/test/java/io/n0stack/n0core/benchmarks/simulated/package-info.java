/** Tests of what figures of many members are taken with. */
@NullMarked
package io.n0stack.n0core.benchmarks.simulated;

import org.jspecify.annotations.NullMarked;
