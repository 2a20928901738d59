/** Tests of the storage driver to copy. */
@NullMarked
package io.n0stack.n0core.examples.rawvolumes;

import org.jspecify.annotations.NullMarked;
