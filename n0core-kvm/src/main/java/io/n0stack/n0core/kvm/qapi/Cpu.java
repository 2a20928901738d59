package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A virtual processor.
 *
 * @param index its number
 * @param qomPath its object
 * @param threadId the kernel's thread that runs it
 * @param topology where it sits
 * @param target what it emulates
 * @since 0.1
 */
public record Cpu(
    long index, String qomPath, long threadId, Optional<CpuTopology> topology, String target) {
  static Cpu from(QmpResult result) {
    return new Cpu(
        result.number("/cpu-index"),
        result.text("/qom-path"),
        result.number("/thread-id"),
        Read.optOne(result, "/props", CpuTopology::from),
        result.text("/target"));
  }
}
