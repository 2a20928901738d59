/** Tests of seeds. */
@NullMarked
package io.n0stack.n0core.storage.seed;

import org.jspecify.annotations.NullMarked;
