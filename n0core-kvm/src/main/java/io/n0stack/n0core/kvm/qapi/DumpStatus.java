package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * How far a dump is.
 *
 * @param status what has become of it
 * @param completedBytes bytes written
 * @param totalBytes bytes to write
 * @since 0.1
 */
public record DumpStatus(Term<DumpState> status, long completedBytes, long totalBytes) {
  static DumpStatus from(QmpResult result) {
    return new DumpStatus(
        Read.term(DumpState.class, result, "/status"),
        result.number("/completed"),
        result.number("/total"));
  }
}
