package io.n0stack.n0core.storage.fetch;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The first two clusters of images. Layout: QEMU's docs/interop/qcow2.txt, "Header". */
final class Qcow2Heads {
  private Qcow2Heads() {}

  /** Returns 128 KiB that begin an image of 1 GiB whose tables come later. */
  static byte[] withBackingFile(String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    ByteBuffer head = ByteBuffer.allocate(128 << 10)
        .putInt(0, 0x514649fb)
        .putInt(4, 3)
        .putLong(8, text.length == 0 ? 0 : 1024)
        .putInt(16, text.length)
        .putInt(20, 16)
        .putLong(24, 1L << 30)
        .putInt(36, 2)
        .putLong(40, 3 << 20)
        .putLong(48, 1 << 20)
        .putInt(56, 1)
        .putInt(96, 4)
        .putInt(100, 104);
    head.position(1024).put(text);
    return head.array();
  }
}
