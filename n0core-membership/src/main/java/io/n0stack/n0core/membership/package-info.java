/** Which nodes are alive, over Atomix, and the registry that holds their records. */
@NullMarked
package io.n0stack.n0core.membership;

import org.jspecify.annotations.NullMarked;
