package io.n0stack.n0core.storage.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A small sound image of 1 MiB in clusters of 512 bytes, made byte by byte. */
final class HandMade {
  static final int CLUSTER = 512;
  static final int SNAPSHOTS = 8 * CLUSTER;

  private HandMade() {}

  static byte[] bytes(ByteBuffer image) {
    byte[] bytes = new byte[image.limit()];
    image.get(0, bytes);
    return bytes;
  }

  static ByteBuffer image() {
    ByteBuffer bytes = ByteBuffer.allocate(SNAPSHOTS + CLUSTER);
    bytes.putInt(0, Qcow2Header.MAGIC).putInt(4, 3).putInt(20, 9).putLong(24, 1 << 20);
    bytes.putInt(36, 32).putLong(40, 2 * CLUSTER); // one L1 entry covers 32 KiB
    bytes.putLong(48, CLUSTER).putInt(56, 1);
    bytes.putInt(96, 4).putInt(100, 104);
    return bytes;
  }

  static ByteBuffer withBacking(String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = image().putLong(8, 200).putInt(16, text.length).put(200, text);
    return extension(bytes, 104, 0xe2792aca, "qcow2");
  }

  static ByteBuffer extension(ByteBuffer bytes, int at, int type, String text) {
    byte[] data = text.getBytes(StandardCharsets.UTF_8);
    return bytes.putInt(at, type).putInt(at + 4, data.length).put(at + 8, data);
  }

  static ByteBuffer withSnapshots(String... names) {
    ByteBuffer bytes = image().putInt(60, names.length).putLong(64, SNAPSHOTS);
    int at = SNAPSHOTS;
    for (String name : names) {
      bytes.putShort(at + 12, (short) 1).putShort(at + 14, (short) name.length());
      bytes.putInt(at + 36, 16);
      bytes.put(at + 57, name.getBytes(StandardCharsets.UTF_8));
      at = (at + 57 + name.length() + 7) / 8 * 8;
    }
    return bytes;
  }
}
