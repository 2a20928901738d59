/** The driver SPI: what a driver implements, what the agent promises it, and how plugins are found. */
@NullMarked
package io.n0stack.n0core.api.driver;

import org.jspecify.annotations.NullMarked;
