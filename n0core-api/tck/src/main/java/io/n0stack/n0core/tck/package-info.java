/** The conformance kit: what every driver must do, checked against its real data plane. */
@NullMarked
package io.n0stack.n0core.tck;

import org.jspecify.annotations.NullMarked;
