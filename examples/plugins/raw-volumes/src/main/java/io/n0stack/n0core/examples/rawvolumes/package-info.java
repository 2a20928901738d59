/** A storage driver to copy: each volume is one sparse raw file that bears its stamp in its name. */
@NullMarked
package io.n0stack.n0core.examples.rawvolumes;

import org.jspecify.annotations.NullMarked;
