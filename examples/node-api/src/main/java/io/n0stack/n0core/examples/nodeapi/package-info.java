/** An API process that knows which nodes are ready. */
@NullMarked
package io.n0stack.n0core.examples.nodeapi;

import org.jspecify.annotations.NullMarked;
