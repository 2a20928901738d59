/** Tests. */
@NullMarked
package io.n0stack.n0core.storage.internal;

import org.jspecify.annotations.NullMarked;
