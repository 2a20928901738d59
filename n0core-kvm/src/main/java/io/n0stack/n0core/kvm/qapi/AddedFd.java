package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A descriptor that QEMU has taken into a set.
 *
 * @param set the set
 * @param fd its number in QEMU
 * @since 0.1
 */
public record AddedFd(long set, long fd) {
  static AddedFd from(QmpResult result) {
    return new AddedFd(result.number("/fdset-id"), result.number("/fd"));
  }
}
