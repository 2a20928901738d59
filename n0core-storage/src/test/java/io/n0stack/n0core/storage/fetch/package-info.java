/** Tests of fetching, caching and exporting images. */
@NullMarked
package io.n0stack.n0core.storage.fetch;

import org.jspecify.annotations.NullMarked;
