package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes images and reads what they hold, with the real tools. */
final class Pictures {
  private Pictures() {}

  static Path qcow2(Path file, int blocks) {
    Images.qemuImg("create", "-q", "-f", "qcow2", file, (long) blocks * Guest.BLOCK);
    return file;
  }

  static Path raw(Path file, int blocks) {
    Images.qemuImg("create", "-q", "-f", "raw", file, (long) blocks * Guest.BLOCK);
    return file;
  }

  static Path overlay(Path file, Path base) {
    Images.qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", file);
    return file;
  }

  /** Returns the byte that fills each block, and fails if a block holds two. */
  static int[] patterns(Path file, String format) throws IOException {
    Path raw = Files.createTempFile(file.toAbsolutePath().getParent(), "content", ".raw");
    try {
      Images.qemuImg("convert", "-U", "-f", format, "-O", "raw", file, raw);
      byte[] bytes = Files.readAllBytes(raw);
      int[] patterns = new int[bytes.length / Guest.BLOCK];
      for (int i = 0; i < bytes.length; i++) {
        int block = i / Guest.BLOCK;
        if (i % Guest.BLOCK == 0) {
          patterns[block] = bytes[i] & 0xff;
        } else if (patterns[block] != (bytes[i] & 0xff)) {
          throw new AssertionError("block " + block + " of " + file + " is torn");
        }
      }
      return patterns;
    } finally {
      Files.delete(raw);
    }
  }

  static void assertClean(Path file) {
    assertThat(Images.qemuImg("check", "-f", "qcow2", file)).contains("No errors");
  }
}
