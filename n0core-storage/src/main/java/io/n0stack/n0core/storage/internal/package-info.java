/** The system calls on files that the JDK lacks. */
@NullMarked
package io.n0stack.n0core.storage.internal;

import org.jspecify.annotations.NullMarked;
