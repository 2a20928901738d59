package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.OptionalLong;

/**
 * Where a processor sits; what a machine does not tell apart is empty.
 *
 * @param nodeId the NUMA node
 * @param socketId the socket
 * @param dieId the die in the socket
 * @param clusterId the cluster in the die
 * @param coreId the core
 * @param threadId the thread in the core
 * @since 0.1
 */
public record CpuTopology(
    OptionalLong nodeId,
    OptionalLong socketId,
    OptionalLong dieId,
    OptionalLong clusterId,
    OptionalLong coreId,
    OptionalLong threadId) {
  static CpuTopology from(QmpResult result) {
    return new CpuTopology(
        Read.optNumber(result, "/node-id"),
        Read.optNumber(result, "/socket-id"),
        Read.optNumber(result, "/die-id"),
        Read.optNumber(result, "/cluster-id"),
        Read.optNumber(result, "/core-id"),
        Read.optNumber(result, "/thread-id"));
  }
}
