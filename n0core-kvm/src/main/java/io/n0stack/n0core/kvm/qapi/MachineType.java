package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A type of machine that QEMU can emulate.
 *
 * @param name its versioned name, such as {@code pc-q35-7.2}
 * @param alias a name that moves to the newest version
 * @param isDefault whether it is taken if none is named
 * @param cpuMax the most processors it can have
 * @param hotpluggableCpus whether processors can be added later
 * @param numaMemSupported whether memory can be given to NUMA nodes by size
 * @param deprecated whether it will be removed
 * @param defaultCpuType the processor taken if none is named
 * @param defaultRamId the id of its main memory's back end
 * @since 0.1
 */
public record MachineType(
    String name,
    Optional<String> alias,
    Optional<Boolean> isDefault,
    long cpuMax,
    boolean hotpluggableCpus,
    boolean numaMemSupported,
    boolean deprecated,
    Optional<String> defaultCpuType,
    Optional<String> defaultRamId) {
  static MachineType from(QmpResult result) {
    return new MachineType(
        result.text("/name"),
        Read.optText(result, "/alias"),
        Read.optFlag(result, "/is-default"),
        result.number("/cpu-max"),
        result.flag("/hotpluggable-cpus"),
        result.flag("/numa-mem-supported"),
        result.flag("/deprecated"),
        Read.optText(result, "/default-cpu-type"),
        Read.optText(result, "/default-ram-id"));
  }
}
