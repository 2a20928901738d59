package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A bitmap of a node.
 *
 * @param node the node
 * @param name the bitmap
 * @since 0.1
 */
public record BitmapName(String node, String name) {
  static BitmapName from(QmpResult result) {
    return new BitmapName(result.text("/node"), result.text("/name"));
  }
}
