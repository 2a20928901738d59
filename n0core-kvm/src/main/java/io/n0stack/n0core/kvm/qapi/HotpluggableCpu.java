package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A place for processors.
 *
 * @param type the device that can be put there
 * @param vcpusCount how many processors that adds
 * @param topology where it is
 * @param qomPath the object that is there, empty if the place is free
 * @since 0.1
 */
public record HotpluggableCpu(
    String type, long vcpusCount, CpuTopology topology, Optional<String> qomPath) {
  static HotpluggableCpu from(QmpResult result) {
    return new HotpluggableCpu(
        result.text("/type"),
        result.number("/vcpus-count"),
        Read.one(result, "/props", CpuTopology::from),
        Read.optText(result, "/qom-path"));
  }
}
