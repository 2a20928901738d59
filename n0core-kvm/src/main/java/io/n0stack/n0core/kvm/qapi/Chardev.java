package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A character device.
 *
 * @param label its id
 * @param filename where it leads
 * @param frontendOpen whether a device uses it
 * @since 0.1
 */
public record Chardev(String label, String filename, boolean frontendOpen) {
  static Chardev from(QmpResult result) {
    return new Chardev(
        result.text("/label"), result.text("/filename"), result.flag("/frontend-open"));
  }
}
