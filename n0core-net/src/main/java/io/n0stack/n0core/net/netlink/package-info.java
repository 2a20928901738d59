/** A client for the kernel's links and addresses, see rtnetlink(7). */
@NullMarked
package io.n0stack.n0core.net.netlink;

import org.jspecify.annotations.NullMarked;
