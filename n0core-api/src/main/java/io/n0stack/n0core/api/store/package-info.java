/** Durable compare-and-set records. */
@NullMarked
package io.n0stack.n0core.api.store;

import org.jspecify.annotations.NullMarked;
