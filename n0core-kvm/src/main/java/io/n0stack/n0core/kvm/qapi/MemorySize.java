package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.OptionalLong;

/**
 * How much memory the guest has.
 *
 * @param baseBytes what it started with
 * @param pluggedBytes what was added, empty if the machine cannot take more
 * @since 0.1
 */
public record MemorySize(long baseBytes, OptionalLong pluggedBytes) {
  static MemorySize from(QmpResult result) {
    return new MemorySize(result.number("/base-memory"), Read.optNumber(result, "/plugged-memory"));
  }
}
