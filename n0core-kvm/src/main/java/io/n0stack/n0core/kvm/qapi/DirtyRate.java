package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.OptionalLong;

/**
 * How fast the guest changes its memory.
 *
 * @param mebibytesPerSecond the rate, empty until measured
 * @param status whether it was measured
 * @param startTime when the measurement began, in seconds on QEMU's clock
 * @param calcSeconds how long it takes
 * @param samplePages how many pages per gigabyte were looked at
 * @param mode how it was measured
 * @since 0.1
 */
public record DirtyRate(
    OptionalLong mebibytesPerSecond,
    Term<DirtyRateStatus> status,
    long startTime,
    long calcSeconds,
    long samplePages,
    Term<DirtyRateMode> mode) {
  static DirtyRate from(QmpResult result) {
    return new DirtyRate(
        Read.optNumber(result, "/dirty-rate"),
        Read.term(DirtyRateStatus.class, result, "/status"),
        result.number("/start-time"),
        result.number("/calc-time"),
        result.number("/sample-pages"),
        Read.term(DirtyRateMode.class, result, "/mode"));
  }
}
