/** Tests. */
@NullMarked
package io.n0stack.n0core.storage.file;

import org.jspecify.annotations.NullMarked;
