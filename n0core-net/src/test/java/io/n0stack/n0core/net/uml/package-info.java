/** Runs tests in a guest kernel that has what the host's may lack. */
@NullMarked
package io.n0stack.n0core.net.uml;

import org.jspecify.annotations.NullMarked;
