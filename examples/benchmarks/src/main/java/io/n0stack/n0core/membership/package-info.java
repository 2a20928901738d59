/** What only figures of many members need of membership's inside: it must not be in the product. */
@NullMarked
package io.n0stack.n0core.membership;

import org.jspecify.annotations.NullMarked;
