package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Reads tables of a file piece by piece into one buffer, so that memory does not grow with them. */
final class FileWindow {
  static final int BYTES = 64 << 10;

  private final FileChannel file;
  private final String field;
  private final int most;
  private ByteBuffer bytes =
      ByteBuffer.allocate(0); // until something is read: most images have no tables
  private long start;

  /**
   * Takes the file.
   *
   * @param file what to read
   * @param field what is read, for the message if it is not all there
   * @param most size of the buffer
   */
  FileWindow(FileChannel file, String field, int most) {
    this.file = file;
    this.field = field;
    this.most = most;
  }

  /** The bytes at hand, in the positions that the last call of {@link #at} returned. */
  ByteBuffer bytes() {
    return bytes;
  }

  /**
   * Makes bytes of the file visible.
   *
   * @param offset position in the file
   * @param needed how many must be visible, at most the size of the buffer
   * @param useful how many may be read at once, because they will be needed soon
   * @return where in the buffer they begin
   */
  int at(long offset, int needed, long useful) throws IOException {
    if (offset < start || offset - start > bytes.limit() - needed) {
      fill(offset, (int) Math.max(needed, Math.min(useful, most)));
    }
    if (needed > bytes.limit()) {
      throw N0Exception.invalid(
          field, Long.toUnsignedString(offset), "must lie within the file of " + file.size());
    }
    return (int) (offset - start);
  }

  /** Returns how many bytes from there on are visible without reading. */
  int visible(int at) {
    return bytes.limit() - at;
  }

  private void fill(long offset, int wanted) throws IOException {
    if (bytes.capacity() == 0) {
      bytes = ByteBuffer.allocate(most);
    }
    bytes.position(0).limit(0);
    if (offset < 0) {
      return;
    }
    start = offset;
    bytes.limit(wanted);
    while (bytes.hasRemaining() && file.read(bytes, offset + bytes.position()) >= 0) {}
    bytes.flip();
  }
}
