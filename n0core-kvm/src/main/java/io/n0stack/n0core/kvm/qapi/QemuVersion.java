package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * The version of a QEMU.
 *
 * @param major the first number
 * @param minor the second number
 * @param micro the third number
 * @param distribution what the distributor added, possibly empty
 * @since 0.1
 */
public record QemuVersion(long major, long minor, long micro, String distribution) {
  static QemuVersion from(QmpResult result) {
    return new QemuVersion(
        result.number("/qemu/major"),
        result.number("/qemu/minor"),
        result.number("/qemu/micro"),
        result.text("/package"));
  }
}
