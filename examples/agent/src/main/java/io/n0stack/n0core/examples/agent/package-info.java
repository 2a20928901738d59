/** An agent to copy: the runtime, our drivers, membership, and a small HTTP door on loopback. */
@NullMarked
package io.n0stack.n0core.examples.agent;

import org.jspecify.annotations.NullMarked;
