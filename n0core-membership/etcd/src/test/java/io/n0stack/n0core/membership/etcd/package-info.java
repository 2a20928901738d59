/** Tests on real etcd processes. */
@NullMarked
package io.n0stack.n0core.membership.etcd;

import org.jspecify.annotations.NullMarked;
