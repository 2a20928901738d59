/** Tests of the compute driver to copy. */
@NullMarked
package io.n0stack.n0core.examples.processmachines;

import org.jspecify.annotations.NullMarked;
