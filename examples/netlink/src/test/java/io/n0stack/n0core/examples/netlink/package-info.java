/** Takes the tour and compares what it says with the tutorial. */
@NullMarked
package io.n0stack.n0core.examples.netlink;

import org.jspecify.annotations.NullMarked;
