package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * An address range of a PCI device.
 *
 * @param bar its base address register
 * @param type io or memory
 * @param address where it is; -1 if the guest has not placed it
 * @param sizeBytes its size
 * @param prefetch whether it may be read ahead
 * @param memType64 whether it may be above 4 GiB
 * @since 0.1
 */
public record PciRegion(
    long bar,
    String type,
    long address,
    long sizeBytes,
    Optional<Boolean> prefetch,
    Optional<Boolean> memType64) {
  static PciRegion from(QmpResult result) {
    return new PciRegion(
        result.number("/bar"),
        result.text("/type"),
        result.number("/address"),
        result.number("/size"),
        Read.optFlag(result, "/prefetch"),
        Read.optFlag(result, "/mem_type_64"));
  }
}
