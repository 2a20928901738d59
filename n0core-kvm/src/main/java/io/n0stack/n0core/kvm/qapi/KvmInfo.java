package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * What QEMU knows of KVM.
 *
 * @param enabled whether this guest uses it
 * @param present whether this QEMU was built with it
 * @since 0.1
 */
public record KvmInfo(boolean enabled, boolean present) {
  static KvmInfo from(QmpResult result) {
    return new KvmInfo(result.flag("/enabled"), result.flag("/present"));
  }
}
