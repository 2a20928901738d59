package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.storage.ImageSource.Compression;
import io.n0stack.n0core.tck.Repetition;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Kills processes that fetch, at random moments, and lets others go on. */
@Timeout(120)
class FetchKilledIT {
  private static final byte[] CONTENT = Contents.random(24 << 20);
  private static final byte[] GZIP = Compressed.gzip(CONTENT);
  private static final int KILLS = Repetition.of(3);
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir
  Path directory;

  /**
   * Serves about 48 MiB a second, and counts the bytes. The first answer stops after 4 MiB until the
   * latch opens.
   */
  private static RawServer slow(byte[] file, AtomicLong sent, CountDownLatch open)
      throws IOException {
    return RawServer.of((request, out) -> {
      int from = (int) request.from();
      if (from == 0) {
        out.head("200 OK", "Content-Length: " + file.length, "ETag: \"v1\"");
      } else {
        out.head(
            "206 Part",
            "Content-Length: " + (file.length - from),
            "Content-Range: bytes " + from + "-" + (file.length - 1) + "/" + file.length,
            "ETag: \"v1\"");
      }
      for (int at = from; at < file.length; at += 96 << 10) {
        int end = Math.min(file.length, at + (96 << 10));
        out.bytes(file, at, end);
        sent.addAndGet(end - at);
        LockSupport.parkNanos(2_000_000);
        if (request.number() == 0 && end >= 4 << 20) {
          hold(open);
        }
      }
    });
  }

  private static void hold(CountDownLatch open) throws IOException {
    try {
      open.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void whatAKilledProcessHasReceivedIsNotLostAndNothingIsPublishedEarly() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (boolean compressed : new boolean[] {false, true}) {
      byte[] file = compressed ? GZIP : CONTENT;
      Path place = Files.createDirectory(directory.resolve("place" + compressed));
      AtomicLong sent = new AtomicLong();
      int middle = 0;
      try (RawServer server = slow(file, sent, new CountDownLatch(0))) {
        List<String> command = compressed
            ? FetchingProcess.command(
                "keep", server.uri("/x"), Contents.sha256(file), place, Compression.GZIP)
            : FetchingProcess.command("keep", server.uri("/x"), Contents.sha256(file), place);
        for (int kill = 0; kill < KILLS && !Files.exists(place.resolve("image")); kill++) {
          long before = sent.get();
          runAndKill(command, sent, before + random.nextInt(10 << 20), random.nextInt(50));
          middle += sent.get() > before ? 1 : 0;
          if (Files.exists(place.resolve("image"))) {
            assertThat(place.resolve("image")).hasBinaryContent(CONTENT);
          }
        }
        assertThat(middle).as("kills that hit the middle, seed %s", seed).isPositive();
        Process last = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(last.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(last.waitFor()).isZero();
        assertThat(output).as("seed %s", seed).containsAnyOf("done", "ALREADY_EXISTS");
        assertThat(place.resolve("image")).hasBinaryContent(CONTENT);
        // Each restart may lose what was on its way, and no more.
        assertThat(sent.get())
            .as("seed %s", seed)
            .isLessThan(file.length + (long) KILLS * (10 << 20));
        ImageFetcher.sweep(place);
        ImageFetcher.sweepParts(place, Duration.ZERO);
        assertThat(Contents.left(place)).as("seed %s", seed).containsExactly("image");
      }
    }
  }

  private static void runAndKill(List<String> command, AtomicLong sent, long bytes, int millis)
      throws Exception {
    Process process = new ProcessBuilder(command)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    try (BufferedReader out = new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(out.readLine()).isEqualTo("ready");
      await().atMost(LIMIT).until(() -> sent.get() >= bytes || !process.isAlive());
      process.waitFor(millis, TimeUnit.MILLISECONDS);
      process.destroyForcibly();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void ofTwoProcessesOneFetchesAndIfItIsKilledTheOtherGoesOn() throws Exception {
    AtomicLong sent = new AtomicLong();
    CountDownLatch killed = new CountDownLatch(1);
    try (RawServer server = slow(CONTENT, sent, killed)) {
      List<String> command = FetchingProcess.command(
          "cache", server.uri("/x"), Contents.sha256(CONTENT), directory.resolve("cache"));
      Process first = new ProcessBuilder(command).start();
      await().atMost(LIMIT).until(() -> sent.get() > 2 << 20);
      Process second = new ProcessBuilder(command).start();
      Process third = new ProcessBuilder(command).start();
      first.destroyForcibly();
      assertThat(first.waitFor()).isEqualTo(137);
      killed.countDown();

      for (Process process : List.of(second, third)) {
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        assertThat(output).contains("size " + CONTENT.length, "done");
      }

      assertThat(server.requests()).hasSizeBetween(1, 2);
      try (ImageFetcher fetcher = ImageFetcher.standard()) {
        ImageCache cache = ImageCache.open(directory.resolve("cache"), "tenant", 1L << 30, fetcher);
        CachedImage image = cache.images().get(0);
        assertThat(image.path()).hasBinaryContent(CONTENT);
        assertThat(image.references())
            .containsExactlyInAnyOrder("process-" + second.pid(), "process-" + third.pid());
        cache.sweep();
        assertThat(Contents.left(directory.resolve("cache/tenant/.work"))).containsExactly("names");
      }
    }
  }
}
