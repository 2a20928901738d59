package io.n0stack.n0core.storage.qemuimg;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Drains one output of a child process on a thread of its own and keeps the first part of it. */
final class CappedOutput implements Runnable {
  private final InputStream in;
  private final int capBytes;
  private final Thread thread;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();

  private CappedOutput(InputStream in, int capBytes, String operation) {
    this.in = in;
    this.capBytes = capBytes;
    thread = new Thread(this, "n0core-storage-output of " + operation);
    thread.setDaemon(true);
  }

  static CappedOutput of(InputStream in, int capBytes, String operation) {
    CappedOutput output = new CappedOutput(in, capBytes, operation);
    output.thread.start();
    return output;
  }

  @Override
  public void run() {
    byte[] chunk = new byte[4096];
    try (in) {
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        synchronized (kept) {
          kept.write(chunk, 0, Math.min(n, capBytes - kept.size()));
        }
      }
    } catch (IOException e) {
      // The process was killed and its pipe closed: what came before is all there is.
      return;
    }
  }

  /** Waits for the end of the stream, which a grandchild could hold open for ever. */
  boolean finish(Duration limit) throws InterruptedException {
    thread.join(limit.toMillis());
    return !thread.isAlive();
  }

  boolean isCut() {
    synchronized (kept) {
      return kept.size() == capBytes;
    }
  }

  String text() {
    synchronized (kept) {
      return kept.toString(StandardCharsets.UTF_8);
    }
  }
}
