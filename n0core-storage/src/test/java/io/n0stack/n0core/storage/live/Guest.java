package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** Plays a guest: writes to a disk through NBD, one block after the other, and remembers the order. */
final class Guest implements AutoCloseable {
  static final int BLOCK = 64 << 10;

  /** One write of a whole block with one byte. */
  record Write(int block, int pattern) {}

  private final Process process;
  private final Writer in;
  private final BufferedReader out;
  private final List<Write> writes = Collections.synchronizedList(new ArrayList<>());
  private volatile boolean stop;
  private Thread writer = new Thread(() -> {});

  Guest(String uri) throws IOException {
    process = new ProcessBuilder("qemu-io", "-f", "raw", uri)
        .redirectErrorStream(true)
        .start();
    in = process.outputWriter(StandardCharsets.UTF_8);
    out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  void write(int block, int pattern) {
    write(block, 1, pattern);
  }

  void fill(int blocks, int pattern) {
    write(0, blocks, pattern);
  }

  private synchronized void write(int block, int blocks, int pattern) {
    try {
      in.write(
          "write -P " + pattern + " " + (long) block * BLOCK + " " + (long) blocks * BLOCK + "\n");
      in.flush();
      String line = out.readLine();
      while (line != null && !line.contains("wrote ")) {
        assertThat(line).doesNotContain("failed");
        line = out.readLine();
      }
      if (line == null) {
        throw new IOException("the disk is gone");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    for (int i = 0; i < blocks; i++) {
      writes.add(new Write(block + i, pattern));
    }
  }

  /** Writes random blocks until told to stop, or until the disk is gone. */
  void keepWriting(int blocks, long seed) {
    Random random = new Random(seed);
    stop = false;
    writer = new Thread(() -> {
      try {
        while (!stop) {
          write(random.nextInt(blocks), 1 + random.nextInt(254));
        }
      } catch (UncheckedIOException e) {
        stop = true;
      }
    });
    writer.setDaemon(true);
    writer.start();
  }

  void stopWriting() throws InterruptedException {
    stop = true;
    writer.join(60_000);
    assertThat(writer.isAlive()).isFalse();
  }

  int count() {
    return writes.size();
  }

  /** Returns the pattern of each block after a number of writes. */
  int[] after(int count, int blocks) {
    int[] patterns = new int[blocks];
    synchronized (writes) {
      for (Write write : writes.subList(0, count)) {
        patterns[write.block()] = write.pattern();
      }
    }
    return patterns;
  }

  @Override
  public void close() {
    stop = true;
    process.destroyForcibly().onExit().orTimeout(60, TimeUnit.SECONDS).join();
  }
}
