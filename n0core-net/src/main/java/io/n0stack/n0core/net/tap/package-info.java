/** A client for tap links, which carry frames between the kernel and a process. */
@NullMarked
package io.n0stack.n0core.net.tap;

import org.jspecify.annotations.NullMarked;
