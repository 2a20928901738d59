package io.n0stack.n0core.storage.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Writes to image files. */
final class ImageWrites {
  private ImageWrites() {}

  /** Writes all of it: a file system that is nearly full takes a part before it says so. */
  static void write(FileChannel file, ByteBuffer bytes, long at) throws IOException {
    int start = bytes.position();
    while (bytes.hasRemaining()) {
      file.write(bytes, at + bytes.position() - start);
    }
  }
}
