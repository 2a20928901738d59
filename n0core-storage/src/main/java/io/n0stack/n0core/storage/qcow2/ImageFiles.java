package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.Failures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;

/** Opens and reads image files. */
final class ImageFiles {
  private ImageFiles() {}

  /** Opens a regular file for reading; what is not one is not opened, for a FIFO would block. */
  static FileChannel open(Path image) throws IOException {
    Rules.absolutePath("image", image);
    BasicFileAttributes attributes =
        Files.readAttributes(image, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw N0Exception.invalid("image", image, "must be a regular file, not a link or device");
    }
    return FileChannel.open(image, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
  }

  /** Reads up to {@code most} bytes; fewer at the end of the file. */
  static ByteBuffer read(FileChannel file, long at, int most) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(most);
    while (bytes.hasRemaining()) {
      if (file.read(bytes, at + bytes.position()) < 0) {
        break;
      }
    }
    return bytes.flip();
  }

  /** Returns what tells a file from all others of the host. */
  static Object key(Path image) {
    try {
      BasicFileAttributes attributes =
          Files.readAttributes(image, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      Object key = attributes.fileKey();
      return key == null ? image : key;
    } catch (IOException e) {
      throw failure("read image", image, e);
    }
  }

  /** Returns what QEMU makes of the length of a raw image. */
  static long wholeSectors(long bytes) {
    return (bytes / 512 + (bytes % 512 == 0 ? 0 : 1)) * 512;
  }

  static N0Exception failure(String operation, Path image, IOException cause) {
    return Failures.of(operation + " " + Rules.quote(image.toString()), cause);
  }
}
