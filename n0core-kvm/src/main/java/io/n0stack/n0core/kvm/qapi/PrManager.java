package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A helper for persistent reservations.
 *
 * @param id its id
 * @param connected whether it is connected
 * @since 0.1
 */
public record PrManager(String id, boolean connected) {
  static PrManager from(QmpResult result) {
    return new PrManager(result.text("/id"), result.flag("/connected"));
  }
}
