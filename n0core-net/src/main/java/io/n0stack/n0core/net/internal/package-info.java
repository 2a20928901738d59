/** System calls; not exported, no compatibility promise. */
@NullMarked
package io.n0stack.n0core.net.internal;

import org.jspecify.annotations.NullMarked;
