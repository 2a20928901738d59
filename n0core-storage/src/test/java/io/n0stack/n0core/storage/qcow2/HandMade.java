package io.n0stack.n0core.storage.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A small sound image of 1 MiB in clusters of 512 bytes, made byte by byte. */
final class HandMade {
  static final int CLUSTER = 512;
  static final int L2 = 3 * CLUSTER;
  static final int BITMAPS = 6 * CLUSTER;
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
      bytes.putInt(at + 36, 16).put(at + 56, (byte) '1');
      bytes.put(at + 57, name.getBytes(StandardCharsets.UTF_8));
      at = (at + 57 + name.length() + 7) / 8 * 8;
    }
    return bytes;
  }

  /** Two clusters of data, a zero cluster with and one without a place, a compressed one; twice. */
  static ByteBuffer withClusters() {
    long copied = 1L << 63;
    ByteBuffer bytes = image();
    bytes.putLong(2 * CLUSTER, copied | L2).putLong(2 * CLUSTER + 16, L2);
    bytes.putLong(L2, copied | 4L * CLUSTER).putLong(L2 + 8, copied | 5L * CLUSTER);
    bytes.putLong(L2 + 16, 1).putLong(L2 + 24, copied | 4L * CLUSTER | 1);
    return bytes.putLong(L2 + 32, 1L << 62 | 5L * CLUSTER + 100);
  }

  static ByteBuffer withBitmap(String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes = withClusters().putLong(88, 1);
    bytes.putInt(104, 0x23852875).putInt(108, 24).putInt(112, 1);
    bytes.putLong(120, (24 + text.length + 7L) / 8 * 8).putLong(128, BITMAPS);
    bytes.putLong(BITMAPS, 7L * CLUSTER).putInt(BITMAPS + 8, 1).putInt(BITMAPS + 12, 2);
    bytes.put(BITMAPS + 16, (byte) 1).put(BITMAPS + 17, (byte) 16);
    return bytes.putShort(BITMAPS + 18, (short) text.length).put(BITMAPS + 24, text);
  }

  static ByteBuffer withLuks() {
    ByteBuffer bytes = image().putInt(32, 2);
    bytes.putInt(104, 0x0537be77).putInt(108, 16).putLong(112, L2).putLong(120, 592);
    bytes
        .putLong(L2, 0x4c554b53babe0001L)
        .put(L2 + 8, ascii("aes"))
        .put(L2 + 40, ascii("xts-plain64"));
    bytes.put(L2 + 72, ascii("sha256")).putInt(L2 + 108, 64).put(L2 + 168, ascii("some-uuid"));
    int keySectors = 504; // of 4000 stripes of 64 bytes, in units of 4 KiB
    bytes.putInt(L2 + 104, 8 + 8 * keySectors).putInt(L2 + 164, 1000);
    for (int slot = 0; slot < 8; slot++) {
      int at = L2 + 208 + slot * 48;
      bytes.putInt(at, slot == 0 ? 0x00ac71f3 : 0x0000dead).putInt(at + 4, 1000);
      bytes.putInt(at + 40, 8 + slot * keySectors).putInt(at + 44, 4000);
    }
    return bytes;
  }

  /** Clusters of 16 KiB with subclusters, in which all three kinds are mixed. */
  static ByteBuffer withSubclusters() {
    int cluster = 16 << 10;
    ByteBuffer bytes = ByteBuffer.allocate(5 * cluster);
    bytes.putInt(0, Qcow2Header.MAGIC).putInt(4, 3).putInt(20, 14).putLong(24, 1 << 20);
    bytes.putInt(36, 1).putLong(40, 2L * cluster).putLong(48, cluster).putInt(56, 1);
    bytes.putLong(72, 16).putInt(96, 4).putInt(100, 104);
    bytes.putLong(2 * cluster, 3L * cluster);
    bytes.putLong(3 * cluster, 4L * cluster).putLong(3 * cluster + 8, 0x00f00000_0000ff0fL);
    bytes.putLong(3 * cluster + 24, 0xffff0000_00000000L);
    return bytes.putLong(3 * cluster + 32, 4L * cluster).putLong(3 * cluster + 40, 0xffffffffL);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
