/** A store on etcd, for several API processes. */
@NullMarked
package io.n0stack.n0core.membership.etcd;

import org.jspecify.annotations.NullMarked;
