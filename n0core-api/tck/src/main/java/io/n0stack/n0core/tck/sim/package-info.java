/**
 * A simulated world in one JVM: virtual time, hosts whose processes crash and come back, drivers with
 * faults, a network with partitions. It runs real agents, and the same seed gives the same run.
 */
@NullMarked
package io.n0stack.n0core.tck.sim;

import org.jspecify.annotations.NullMarked;
