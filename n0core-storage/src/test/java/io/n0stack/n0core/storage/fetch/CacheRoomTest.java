package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageSource.Compression;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A cache of 1,000,000 bytes that evicts: what goes for a new image, and when. */
class CacheRoomTest {
  private static final int CAPACITY = 1_000_000;

  @TempDir
  Path directory;

  private final ImageFetcher fetcher = ImageFetcher.standard();
  private ImageCache cache;
  private CachedImage oldest;
  private CachedImage middle;
  private CachedImage newest;

  @BeforeEach
  void fill() throws IOException {
    cache = ImageCache.open(directory.resolve("cache"), "tenant-a", CAPACITY, fetcher)
        .evicting();
    oldest = put(300_000, 3);
    middle = put(299_999, 2);
    newest = put(299_998, 1);
  }

  @AfterEach
  void close() throws IOException {
    fetcher.close();
    assertThat(Contents.left(directory.resolve("cache/tenant-a/.work"))).containsExactly("names");
  }

  /** Puts an image into it that nobody needs. */
  private CachedImage put(int size, int daysUnused) throws IOException {
    CachedImage image = cache.importFrom(
        new ByteArrayInputStream(Contents.random(size)),
        ContentRules.builder().build(),
        "old",
        FetchListener.NONE);
    cache.unpin(image.digest(), "old");
    Files.setLastModifiedTime(
        directory.resolve("cache/tenant-a/.uses").resolve(image.digest().fileName()),
        FileTime.from(Instant.now().minus(Duration.ofDays(daysUnused))));
    return image;
  }

  private void requireLeft(CachedImage... images) {
    assertThat(cache.images())
        .extracting(CachedImage::digest)
        .containsExactlyInAnyOrderElementsOf(
            List.of(images).stream().map(CachedImage::digest).toList());
  }

  private static RawServer silent(byte[] content) throws IOException {
    return RawServer.of((request, out) -> out.head("200 OK").bytes(content));
  }

  private CachedImage obtain(FetchRequest request) {
    return cache.obtain(request, "volume-1", FetchListener.NONE);
  }

  private void refused(FetchRequest request) {
    Contents.refused(N0Exception.Code.EXHAUSTED, "capacity of " + CAPACITY, () -> obtain(request));
  }

  @Test
  void anImageLargerThanTheCacheIsRefusedAndNothingGoesForIt() throws IOException {
    byte[] large = Contents.random(CAPACITY + 1);
    byte[] gzip = Compressed.gzip(large);
    ContentRules packed = ContentRules.builder()
        .digest(Contents.sha256(gzip))
        .compression(Compression.GZIP)
        .build();
    Path file = Files.write(directory.resolve("large"), large);
    try (RawServer server = RawServer.serving(large);
        RawServer silent = silent(large);
        RawServer packing = RawServer.serving(gzip)) {
      refused(Contents.request(server, large));
      refused(Contents.request(silent, large));
      refused(Contents.request(packing, packed));
      refused(FetchRequest.of(file.toUri(), Contents.rules(large)));
      assertThat(server.requests()).hasSize(1);
      assertThat(silent.requests()).hasSize(1);
    }
    requireLeft(oldest, middle, newest);
  }

  @Test
  void aLengthThatIsStatedIsEnoughToRefuse() throws IOException {
    AtomicLong received = new AtomicLong();
    try (RawServer server = RawServer.of((request, out) ->
        out.head("200 OK", "Content-Length: " + (CAPACITY + 1)).hang())) {
      FetchRequest request = Contents.request(server, Contents.random(1));
      Contents.refused(
          N0Exception.Code.EXHAUSTED,
          "capacity of " + CAPACITY,
          () -> cache.obtain(request, "volume-1", (bytes, total) -> received.set(bytes)));
    }
    Path file = Files.write(directory.resolve("large"), new byte[CAPACITY + 1]);
    FetchRequest request = FetchRequest.of(file.toUri(), Contents.rules(new byte[CAPACITY + 1]));
    Contents.refused(
        N0Exception.Code.EXHAUSTED,
        "capacity of " + CAPACITY,
        () -> cache.obtain(request, "volume-1", (bytes, total) -> received.set(bytes)));

    assertThat(received).hasValue(0);
    requireLeft(oldest, middle, newest);
  }

  @Test
  void asManyGoAsItTakesAndThoseFirstThatWereUnusedForLongest() throws IOException {
    byte[] one = Contents.random(400_000);
    byte[] two = Contents.random(600_000);
    try (RawServer server = RawServer.serving(one);
        RawServer silent = silent(two)) {
      CachedImage first = obtain(Contents.request(server, one));
      requireLeft(middle, newest, first);
      assertThat(server.requests()).hasSize(1);

      CachedImage second = obtain(Contents.request(silent, two));
      requireLeft(first, second);
      assertThat(cache.usedBytes()).isEqualTo(CAPACITY);
    }
  }

  @Test
  void whatIsNeededStaysAndIsCountedFirst() throws IOException {
    cache.pin(oldest.digest(), "volume-2");
    byte[] fits = Contents.random(700_000);
    byte[] tooMuch = Contents.random(700_001);
    try (RawServer server = RawServer.serving(tooMuch);
        RawServer silent = silent(tooMuch)) {
      refused(Contents.request(server, tooMuch));
      refused(Contents.request(silent, tooMuch));
    }
    requireLeft(oldest, middle, newest);
    try (RawServer server = RawServer.serving(fits)) {
      requireLeft(oldest, obtain(Contents.request(server, fits)));
    }
  }

  @Test
  void nothingGoesForWhatIsNotVerified() throws IOException {
    try (RawServer server = RawServer.serving(Contents.random(700_000))) {
      Contents.refused(
          N0Exception.Code.INVALID,
          "source.digest",
          () -> obtain(Contents.request(server, Contents.random(1))));
    }
    requireLeft(oldest, middle, newest);
  }

  @Test
  void whatIsNeededMeanwhileIsNotEvicted() throws IOException {
    byte[] content = Contents.random(900_000);
    try (RawServer server = RawServer.serving(content)) {
      FetchListener pins = (received, total) -> cache.pin(newest.digest(), "volume-2");
      Contents.refused(
          N0Exception.Code.EXHAUSTED,
          "capacity of " + CAPACITY,
          () -> cache.obtain(Contents.request(server, content), "volume-1", pins));
    }
    requireLeft(oldest, middle, newest);
  }
}
