/** Tests of the qcow2 reader and the gate. */
@NullMarked
package io.n0stack.n0core.storage.qcow2;

import org.jspecify.annotations.NullMarked;
