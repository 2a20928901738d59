package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A descriptor that QEMU was given.
 *
 * @param fd its number in QEMU
 * @param opaque a note that was given with it
 * @since 0.1
 */
public record FdSetEntry(long fd, Optional<String> opaque) {
  static FdSetEntry from(QmpResult result) {
    return new FdSetEntry(result.number("/fd"), Read.optText(result, "/opaque"));
  }
}
