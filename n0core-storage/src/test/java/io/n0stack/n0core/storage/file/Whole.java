package io.n0stack.n0core.storage.file;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/** Content of some pages that tells whether all of it is there. */
final class Whole {
  static final int BYTES = 64 << 10;

  private Whole() {}

  static FileContent of(String label) {
    return channel -> {
      byte[] bytes = (label + "\n").repeat(BYTES).substring(0, BYTES).getBytes(UTF_8);
      // In pieces, so that a kill can hit between two.
      for (int piece = 0; piece < BYTES; piece += 4096) {
        channel.write(ByteBuffer.wrap(bytes, piece, 4096));
      }
    };
  }

  /** Returns the label of a file that is whole, and fails for another. */
  static String label(Path file) throws IOException {
    String text = Files.readString(file);
    String label = text.lines().findFirst().orElse("");
    if (!text.equals((label + "\n").repeat(BYTES).substring(0, BYTES))) {
      throw new IOException(file + " has " + text.length() + " bytes of " + BYTES + ", or others");
    }
    return label;
  }
}
