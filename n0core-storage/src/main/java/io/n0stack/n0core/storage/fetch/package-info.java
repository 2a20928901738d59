/** Images from outside: downloads, imports, exports and a cache, verified before anything is published. */
@NullMarked
package io.n0stack.n0core.storage.fetch;

import org.jspecify.annotations.NullMarked;
