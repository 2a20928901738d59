package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.storage.internal.NativeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/** Files with data, zeros, holes and reserved blocks here and there. */
final class Layouts {
  private static final int LARGEST_PIECE = 300_000;

  private Layouts() {}

  static void write(Path file, Random random) throws IOException {
    long size = switch (random.nextInt(4)) {
      case 0 -> random.nextInt(3);
      case 1 -> 4096L * random.nextInt(600);
      default -> random.nextInt(30_000_000);
    };
    Files.deleteIfExists(file);
    Files.createFile(file);
    try (NativeFile open = NativeFile.openForWriting(file);
        FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
      open.truncate(size);
      for (int piece = random.nextInt(8); piece > 0 && size > 0; piece--) {
        long offset = (long) (random.nextDouble() * size);
        int length = (int) Math.min(size - offset, 1 + random.nextInt(LARGEST_PIECE));
        switch (random.nextInt(4)) {
          case 0 -> out.write(ByteBuffer.allocate(length), offset);
          case 1 -> open.allocate(offset, length);
          case 2 -> open.punchHole(offset, length);
          default -> out.write(bytes(random, length), offset);
        }
      }
      if (random.nextBoolean()) {
        open.syncData();
      }
    }
  }

  static ByteBuffer bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }

  /** Fails unless a copy equals its source and takes no more. */
  static void requireCopy(Path source, Path copy, CopyResult result) throws IOException {
    long mismatch = Files.mismatch(source, copy);
    if (mismatch >= 0 || Files.size(copy) != result.sizeBytes()) {
      throw new IOException("differs at " + mismatch + ": " + result);
    }
    long taken = allocated(copy);
    long most = allocated(source);
    if (taken > most) {
      throw new IOException("takes " + taken + " bytes, its source " + most + ": " + result);
    }
  }

  static long allocated(Path file) {
    return NativeFile.look(file).orElseThrow().allocatedBytes();
  }
}
