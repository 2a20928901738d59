package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.storage.internal.NativeFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Writes content in order, leaving out blocks of zeroes, so that they become holes. */
final class SparseFile {
  // That of qcow2's clusters: smaller holes save little and make many extents.
  static final int BLOCK = 64 << 10;
  private static final byte[] ZEROES = new byte[BLOCK];

  private static final long FLUSH = 8 << 20;

  private final Path path;
  private final FileChannel file;
  private final Executor flusher;
  private CompletableFuture<Void> flushed = CompletableFuture.completedFuture(null);
  private long unflushed;

  /** Takes a file, open and by its path, that is empty, or holds the beginning of the content and no more. */
  SparseFile(Path path, FileChannel file, Executor flusher) {
    this.path = path;
    this.file = file;
    this.flusher = flusher;
  }

  void write(byte[] bytes, int length, long position) throws IOException {
    int start = 0; // of the run of data that is yet to be written
    int at = 0;
    while (at < length) {
      int left = BLOCK - (int) ((position + at) % BLOCK);
      int end = Math.min(length, at + left);
      if (left == BLOCK && end - at == BLOCK && isZero(bytes, at)) {
        writeRun(bytes, start, at, position);
        start = end;
      }
      at = end;
    }
    writeRun(bytes, start, length, position);
    unflushed += length;
    if (unflushed >= FLUSH && flushed.isDone()) {
      startFlush();
    }
  }

  /**
   * Lets the disk write while more arrives, so that little is left to wait for at the end. Only what has been written is
   * begun with: to sync it would have the file system commit its journal each time.
   */
  private void startFlush() {
    unflushed = 0;
    flushed = CompletableFuture.runAsync(
        () -> {
          try (NativeFile again = NativeFile.openForWriting(path)) {
            again.startWriting();
          }
        },
        flusher);
  }

  private static boolean isZero(byte[] bytes, int at) {
    return bytes[at] == 0 && Arrays.equals(bytes, at, at + BLOCK, ZEROES, 0, BLOCK);
  }

  private void writeRun(byte[] bytes, int from, int to, long position) throws IOException {
    if (to > from) {
      TemporaryFile.write(file, ByteBuffer.wrap(bytes, from, to - from), position + from);
    }
  }

  /** Gives the file its length and makes it outlive a power cut. */
  void finish(long length) throws IOException {
    if (file.size() < length) {
      TemporaryFile.write(file, ByteBuffer.wrap(new byte[1]), length - 1);
    }
    // Whatever became of it: what the kernel could not write, then or now, is reported here.
    flushed.exceptionally(e -> null).join();
    file.force(false);
  }
}
