package io.n0stack.n0core.api.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeldDirectoryTest {
  private static final int INTERRUPTS = 200;
  private static final int MOMENTS = 20;
  private static final long STEP_NANOS = 100_000;

  @TempDir
  Path directory;

  @Test
  void replacesAndDeletesAndLeavesNothingElse() throws IOException {
    try (HeldDirectory held = HeldDirectory.open(directory)) {
      held.replace("record", bytes("old, and longer"));
      held.replace("record", bytes("new"));
      assertThat(directory.resolve("record")).hasContent("new");

      held.delete("record");
      held.delete("record");
    }

    assertThat(directory).isEmptyDirectory();
  }

  /** An interrupt closes what the thread waits for: the file, or the directory that is held. */
  @Test
  void interruptsAtAnyMomentCutNothingOff() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CompletableFuture<Integer> written = new CompletableFuture<>();
    CompletableFuture<Void> enough = new CompletableFuture<>();
    Thread writer = new Thread(() -> write(begun, enough, written));
    writer.start();
    begun.await();
    for (int i = 0; i < INTERRUPTS; i++) {
      writer.interrupt();
      LockSupport.parkNanos(i % MOMENTS * STEP_NANOS);
    }
    enough.complete(null);
    writer.join();

    assertThat(directory.resolve("record")).hasContent(String.valueOf(written.join()));
    assertThat(directory).isDirectoryNotContaining("glob:**/.tmp-*");
  }

  private void write(
      CountDownLatch begun, CompletableFuture<Void> enough, CompletableFuture<Integer> written) {
    int count = 0;
    begun.countDown();
    try (HeldDirectory held = HeldDirectory.open(directory)) {
      while (!enough.isDone()) {
        count++;
        held.replace("record", bytes(String.valueOf(count)));
      }
      written.complete(count);
    } catch (IOException e) {
      written.completeExceptionally(e);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
