package io.n0stack.n0core.storage.fetch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;

/** Writes content in order, leaving out blocks of zeroes, so that they become holes. */
final class SparseFile {
  // That of qcow2's clusters: smaller holes save little and make many extents.
  static final int BLOCK = 64 << 10;
  private static final byte[] ZEROES = new byte[BLOCK];

  private final FileChannel file;

  /** Takes a file that is empty, or holds the beginning of the content and no more. */
  SparseFile(FileChannel file) {
    this.file = file;
  }

  void write(byte[] bytes, int length, long position) throws IOException {
    int start = 0; // of the run of data that is yet to be written
    int at = 0;
    while (at < length) {
      int left = BLOCK - (int) ((position + at) % BLOCK);
      int end = Math.min(length, at + left);
      if (left == BLOCK && end - at == BLOCK && isZero(bytes, at)) {
        flush(bytes, start, at, position);
        start = end;
      }
      at = end;
    }
    flush(bytes, start, length, position);
  }

  private static boolean isZero(byte[] bytes, int at) {
    return bytes[at] == 0 && Arrays.equals(bytes, at, at + BLOCK, ZEROES, 0, BLOCK);
  }

  private void flush(byte[] bytes, int from, int to, long position) throws IOException {
    if (to > from) {
      TemporaryFile.write(file, ByteBuffer.wrap(bytes, from, to - from), position + from);
    }
  }

  /** Gives the file its length and makes it outlive a power cut. */
  void finish(long length) throws IOException {
    if (file.size() < length) {
      TemporaryFile.write(file, ByteBuffer.wrap(new byte[1]), length - 1);
    }
    file.force(false);
  }
}
