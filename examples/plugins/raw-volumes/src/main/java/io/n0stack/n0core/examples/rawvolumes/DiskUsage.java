package io.n0stack.n0core.examples.rawvolumes;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Tells what a file takes on the disk. Asks stat(1), since the JDK cannot tell. */
final class DiskUsage {
  private static final int BLOCK_BYTES = 512; // the unit of st_blocks, whatever the file system
  private static final int LIMIT_SECONDS = 10;
  private static final int LIMIT_BYTES = 1000;

  private DiskUsage() {}

  static long bytes(Path file) throws IOException {
    Process stat = new ProcessBuilder("stat", "--format=%b", file.toString())
        .redirectErrorStream(true)
        .start();
    try {
      if (!stat.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        throw new IOException("stat does not answer");
      }
      byte[] answer = stat.getInputStream().readNBytes(LIMIT_BYTES);
      return Long.parseLong(new String(answer, StandardCharsets.UTF_8).strip()) * BLOCK_BYTES;
    } catch (NumberFormatException e) {
      throw new IOException("stat: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      stat.destroyForcibly();
    }
  }
}
