/** The storage driver: volumes as files in one directory of the host. */
@NullMarked
package io.n0stack.n0core.storage;

import org.jspecify.annotations.NullMarked;
