/** Runs the packaged example. */
@NullMarked
package io.n0stack.n0core.examples.nodeapi;

import org.jspecify.annotations.NullMarked;
