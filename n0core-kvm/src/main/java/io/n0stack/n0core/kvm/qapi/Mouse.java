package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A pointing device.
 *
 * @param name its name
 * @param index its number
 * @param current whether it gets the events
 * @param absolute whether it reports positions instead of movements
 * @since 0.1
 */
public record Mouse(String name, long index, boolean current, boolean absolute) {
  static Mouse from(QmpResult result) {
    return new Mouse(
        result.text("/name"),
        result.number("/index"),
        result.flag("/current"),
        result.flag("/absolute"));
  }
}
