/** The agent runtime: keeps specs durably and makes the host what they say, whatever dies in between. */
@NullMarked
package io.n0stack.n0core.agent;

import org.jspecify.annotations.NullMarked;
