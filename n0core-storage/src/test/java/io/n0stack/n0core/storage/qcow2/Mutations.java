package io.n0stack.n0core.storage.qcow2;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;

/** Damages images where something is read. */
final class Mutations {
  private Mutations() {}

  static byte[] mutated(byte[] sound, Random random) {
    byte[] bytes = sound.clone();
    int changes = 1 + random.nextInt(6);
    for (int c = 0; c < changes; c++) {
      int at = place(bytes, random);
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] = (byte) random.nextInt();
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[at] = (byte) 0xff;
        case 3 -> buffer.putInt(at, random.nextInt(70_000));
        case 4 -> buffer.putLong(at / 8 * 8, (long) random.nextInt(64) << random.nextInt(60));
        default -> buffer.putShort(at, (short) random.nextInt(2000));
      }
    }
    return random.nextInt(8) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
  }

  private static int place(byte[] bytes, Random random) {
    if (random.nextInt(3) != 0) {
      return random.nextInt(260);
    }
    // The beginning of any cluster, of which most are tables.
    int cluster = bytes.length > 10_000 ? 16 << 10 : HandMade.CLUSTER;
    return random.nextInt(bytes.length / cluster) * cluster + random.nextInt(200);
  }
}
