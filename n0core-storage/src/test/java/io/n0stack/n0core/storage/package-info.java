/** Tests of the storage driver. */
@NullMarked
package io.n0stack.n0core.storage;

import org.jspecify.annotations.NullMarked;
