/** A tour of the clients for the kernel's networking, without an agent. */
@NullMarked
package io.n0stack.n0core.examples.netlink;

import org.jspecify.annotations.NullMarked;
