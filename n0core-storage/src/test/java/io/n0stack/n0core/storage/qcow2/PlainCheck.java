package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;

/** Counts the clusters of an image without data, as {@code qemu-img check} does, without a process. */
final class PlainCheck {
  private static final int WINDOW = 1 << 20;

  private final FileChannel file;
  private final Qcow2Header header;
  private final BitSet used = new BitSet();
  private final BitSet counted = new BitSet();

  private PlainCheck(FileChannel file, Qcow2Header header) {
    this.file = file;
    this.header = header;
  }

  /** Expects that each cluster that is used is counted once, no other is, and the L1 table is empty. */
  static void check(Path image) throws IOException {
    try (FileChannel file = FileChannel.open(image, StandardOpenOption.READ)) {
      new PlainCheck(file, Qcow2Header.read(image)).check();
    }
  }

  private void check() throws IOException {
    ByteBuffer fixed = ImageFiles.read(file, 0, HeaderReader.FIXED_BYTES);
    long l1Bytes = header.l1Size() * 8L;
    use(0, 1);
    use(fixed.getLong(40), l1Bytes);
    requireZeros(fixed.getLong(40), l1Bytes);
    long table = fixed.getLong(48);
    use(table, (long) fixed.getInt(56) << header.clusterBits());
    long perBlock = (8L << header.clusterBits()) / header.refcountBits();
    ByteBuffer entries = ImageFiles.read(file, table, fixed.getInt(56) << header.clusterBits());
    for (int i = 0; entries.hasRemaining(); i++) {
      long block = entries.getLong();
      if (block != 0) {
        use(block, header.clusterSizeBytes());
        count(ImageFiles.read(file, block, header.clusterSizeBytes()), i * perBlock);
      }
    }
    assertThat(counted).isEqualTo(used);
    assertThat((used.length() - 1L) << header.clusterBits()).isLessThan(file.size());
  }

  private void use(long at, long bytes) {
    assertThat(at % header.clusterSizeBytes()).isZero();
    int first = (int) (at >>> header.clusterBits());
    int end = (int) ((at + bytes + header.clusterSizeBytes() - 1) >>> header.clusterBits());
    assertThat(used.get(first, end).isEmpty()).as("used once").isTrue();
    used.set(first, end);
  }

  private void count(ByteBuffer block, long first) {
    int bits = header.refcountBits();
    for (int at = 0; at < block.limit(); at++) {
      int value = block.get(at) & 0xff;
      for (int bit = 0; value != 0 && bit < 8; bit++) {
        if ((value >> bit & 1) != 0) {
          // A count of one: the least bit of the last byte of the entry.
          assertThat(bits < 8 ? bit % bits : (at + 1) % (bits / 8) + bit).isZero();
          counted.set((int) (first + (bits < 8 ? at * (8 / bits) + bit / bits : at / (bits / 8))));
        }
      }
    }
  }

  private void requireZeros(long at, long bytes) throws IOException {
    for (long done = 0; done < bytes; done += WINDOW) {
      ByteBuffer window = ImageFiles.read(file, at + done, (int) Math.min(WINDOW, bytes - done));
      assertThat(window.equals(ByteBuffer.allocate(window.limit()))).isTrue();
    }
  }
}
