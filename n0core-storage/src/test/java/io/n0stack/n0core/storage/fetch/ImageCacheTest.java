package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource.Compression;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageCacheTest {
  private static final byte[] CONTENT = Contents.random(600_000);
  private static final Digest DIGEST = Contents.sha256(CONTENT);

  @TempDir
  Path directory;

  private final ImageFetcher fetcher = ImageFetcher.standard();
  private ImageCache cache;

  @BeforeEach
  void open() {
    cache = open("tenant-a", 10_000_000);
  }

  private ImageCache open(String namespace, long capacity) {
    return ImageCache.open(directory.resolve("cache"), namespace, capacity, fetcher);
  }

  @AfterEach
  void close() {
    fetcher.close();
  }

  private Path images() {
    return directory.resolve("cache/tenant-a");
  }

  private List<String> working() throws IOException {
    return Contents.left(images().resolve(".work"));
  }

  private CachedImage put(int size, String reference) {
    return cache.importFrom(
        new ByteArrayInputStream(Contents.random(size)),
        ContentRules.builder().build(),
        reference,
        FetchListener.NONE);
  }

  @Test
  void anImageIsFetchedOnceAndFoundByItsDigestWhereverItIsFrom() throws IOException {
    try (RawServer server = RawServer.serving(CONTENT)) {
      CachedImage image =
          cache.obtain(Contents.request(server, CONTENT), "volume-1", FetchListener.NONE);

      FetchRequest elsewhere = FetchRequest.of(server.uri("/other?place"), Contents.rules(CONTENT));
      CachedImage again = cache.obtain(elsewhere, "volume-2", FetchListener.NONE);

      assertThat(server.requests()).hasSize(1);
      assertThat(image.path()).hasBinaryContent(CONTENT).isEqualTo(again.path());
      assertThat(image.path()).hasFileName("sha256-" + DIGEST.hex());
      assertThat(Files.getPosixFilePermissions(image.path()))
          .isEqualTo(PosixFilePermissions.fromString("r--------"));
      assertThat(Files.getPosixFilePermissions(images()))
          .isEqualTo(PosixFilePermissions.fromString("rwx------"));
      assertThat(again.references()).containsExactlyInAnyOrder("volume-1", "volume-2");
      assertThat(cache.images()).hasSize(1);
      assertThat(cache.usedBytes()).isEqualTo(CONTENT.length);
      assertThat(working()).containsExactly("names");
    }
  }

  @Test
  void anotherDigestFromTheSamePlaceIsAnotherImage() throws IOException {
    byte[] other = Contents.random(5000);
    try (RawServer server = RawServer.serving(CONTENT)) {
      cache.obtain(Contents.request(server, CONTENT), "volume-1", FetchListener.NONE);

      Contents.refused(
          N0Exception.Code.INVALID,
          "source.digest",
          () -> cache.obtain(Contents.request(server, other), "volume-1", FetchListener.NONE));

      assertThat(cache.find(Contents.sha256(other))).isEmpty();
      assertThat(cache.find(DIGEST)).isPresent();
      assertThat(working()).containsExactly("names");
    }
  }

  @Test
  void allThatAnImageWasVerifiedByFindsItAgain() throws IOException {
    byte[] gzip = Compressed.gzip(CONTENT);
    Digest sha512 = Contents.digest(Digest.Algorithm.SHA512, gzip);
    ContentRules compressed =
        ContentRules.builder().digest(sha512).compression(Compression.GZIP).build();
    try (RawServer server = RawServer.serving(gzip)) {
      for (int i = 0; i < 2; i++) {
        CachedImage image =
            cache.obtain(Contents.request(server, compressed), "volume-1", FetchListener.NONE);
        assertThat(image.digest()).isEqualTo(DIGEST);
      }
      cache.obtain(Contents.request(server, CONTENT), "volume-1", FetchListener.NONE);
      assertThat(server.requests()).hasSize(1);

      // Never verified so: the compressed bytes themselves, and a second digest of the content.
      ContentRules more = ContentRules.builder()
          .digest(sha512)
          .contentDigest(Contents.digest(Digest.Algorithm.SHA512, new byte[1]))
          .compression(Compression.GZIP)
          .build();
      Contents.refused(
          N0Exception.Code.INVALID,
          "source.contentDigest",
          () -> cache.obtain(Contents.request(server, more), "volume-1", FetchListener.NONE));
      ContentRules plain = ContentRules.builder().digest(sha512).build();
      CachedImage itself =
          cache.obtain(Contents.request(server, plain), "volume-1", FetchListener.NONE);
      assertThat(itself.path()).hasBinaryContent(gzip);
    }
  }

  @Test
  void namespacesSeeNothingOfEachOther() throws IOException {
    ImageCache other = open("tenant-b", 10_000_000);
    try (RawServer server = RawServer.serving(CONTENT)) {
      cache.obtain(Contents.request(server, CONTENT), "volume-1", FetchListener.NONE);

      assertThat(other.find(DIGEST)).isEmpty();
      assertThat(other.images()).isEmpty();
      other.obtain(Contents.request(server, CONTENT), "volume-1", FetchListener.NONE);

      assertThat(server.requests()).hasSize(2);
    }
    for (String name : new String[] {"", "..", "a/b", "A", ".work"}) {
      Contents.refused(N0Exception.Code.INVALID, "namespace", () -> open(name, 1));
    }
  }

  @Test
  void whatIsHereStillHasToPassTheGateAndTheLimit() throws IOException {
    put(600_000, "volume-1");
    try (RawServer server = RawServer.serving(CONTENT)) {
      ContentRules qcow2 = ContentRules.builder()
          .digest(DIGEST)
          .gate(ContentGate.of(ImageGate.standard(), ImageFormat.QCOW2))
          .build();
      Contents.refused(
          N0Exception.Code.INVALID,
          "image.magic",
          () -> cache.obtain(Contents.request(server, qcow2), "volume-2", FetchListener.NONE));
      ContentRules small =
          ContentRules.builder().digest(DIGEST).maxContentBytes(599_999).build();
      Contents.refused(
          N0Exception.Code.INVALID,
          "source.contentSize",
          () -> cache.obtain(Contents.request(server, small), "volume-2", FetchListener.NONE));
      assertThat(cache.find(DIGEST).orElseThrow().references()).containsExactly("volume-1");
      assertThat(server.requests()).isEmpty();
    }
  }

  @Test
  void ofManyThreadsOneFetches() throws Exception {
    // Two caches: what parts them is the kernel, not an object.
    List<ImageCache> caches = List.of(cache, open("tenant-a", 10_000_000));
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try (RawServer server = RawServer.serving(CONTENT)) {
      List<Callable<CachedImage>> calls = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        int number = i;
        calls.add(() -> caches
            .get(number % 2)
            .obtain(Contents.request(server, CONTENT), "volume-" + number, FetchListener.NONE));
      }
      for (Future<CachedImage> call : threads.invokeAll(calls)) {
        assertThat(call.get().path()).hasBinaryContent(CONTENT);
      }
      assertThat(server.requests()).hasSize(1);
      assertThat(cache.find(DIGEST).orElseThrow().references()).hasSize(16);
      assertThat(working()).containsExactly("names");
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aTransferThatBreaksOffIsGoneOnWith() throws IOException {
    try (RawServer server = RawServer.of((request, out) -> {
      if (request.number() == 0) {
        out.head("200 OK", "Content-Length: 600000", "ETag: \"v1\"").bytes(CONTENT, 0, 400_000);
      } else {
        RawServer.serve(request, out, CONTENT, "ETag: \"v1\"");
      }
    })) {
      FetchRequest request = Contents.request(server, CONTENT).withRetries(0);
      Contents.refused(
          N0Exception.Code.UNAVAILABLE,
          "fetch",
          () -> cache.obtain(request, "volume-1", FetchListener.NONE));
      assertThat(cache.images()).isEmpty();
      assertThat(cache.sweep()).isZero();

      cache.obtain(request, "volume-1", FetchListener.NONE);

      assertThat(server.requests().get(1).from()).isGreaterThan(100_000);
      assertThat(working()).containsExactly("names");
    }
  }

  @Test
  void theCapacityIsNotExceeded() throws IOException {
    cache = open("tenant-a", 1_000_000);
    put(500_000, "volume-1");
    try (RawServer server = RawServer.serving(CONTENT);
        RawServer silent = RawServer.of((request, out) -> out.head("200 OK").bytes(CONTENT))) {
      for (RawServer each : List.of(server, silent)) {
        Contents.refused(
            N0Exception.Code.EXHAUSTED,
            "capacity of 1000000",
            () -> cache.obtain(Contents.request(each, CONTENT), "volume-2", FetchListener.NONE));
      }
      ContentRules small =
          ContentRules.builder().digest(DIGEST).maxContentBytes(400_000).build();
      Contents.refused(
          N0Exception.Code.INVALID,
          "at most 400000",
          () -> cache.obtain(Contents.request(server, small), "volume-2", FetchListener.NONE));
      assertThat(working()).containsExactly("names");

      cache.unpin(Contents.sha256(Contents.random(500_000)), "volume-1");
      assertThat(cache.evictTo(0).freedBytes()).isEqualTo(500_000);

      cache.obtain(Contents.request(server, CONTENT), "volume-2", FetchListener.NONE);
    }
  }

  @Test
  void evictionTakesTheLongestUnusedThatNobodyNeeds() throws IOException {
    List<CachedImage> images = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      CachedImage image = put(100_000 + i, "volume-" + i);
      images.add(image);
      Files.setLastModifiedTime(
          images().resolve(".uses").resolve(image.digest().fileName()),
          FileTime.from(Instant.now().minus(Duration.ofDays(10 - i))));
    }
    for (int i : new int[] {1, 2, 3}) {
      cache.unpin(images.get(i).digest(), "volume-" + i);
    }

    Eviction first = cache.evictTo(250_000);

    assertThat(first.evicted())
        .extracting(CachedImage::digest)
        .containsExactly(images.get(1).digest(), images.get(2).digest());
    assertThat(first.pinned())
        .extracting(CachedImage::digest)
        .containsExactly(images.get(0).digest());
    assertThat(first.freedBytes()).isEqualTo(200_003);
    assertThat(cache.evictUnusedFor(Duration.ofDays(8)).evicted()).isEmpty();
    assertThat(cache.evictUnusedFor(Duration.ofDays(1)).evicted())
        .extracting(CachedImage::digest)
        .containsExactly(images.get(3).digest());
    assertThat(cache.evictTo(0).pinned()).hasSize(1);
    assertThat(cache.images())
        .extracting(CachedImage::digest)
        .containsExactly(images.get(0).digest());
  }

  @Test
  void anImageIsNeededUntilTheLastReferenceIsGone() {
    CachedImage image = put(1000, "volume-1");
    cache.pin(image.digest(), "volume-2");
    cache.pin(image.digest(), "volume-2");
    cache.unpin(image.digest(), "volume-1");
    cache.unpin(image.digest(), "volume-3");

    assertThat(cache.evictTo(0).evicted()).isEmpty();
    cache.unpin(image.digest(), "volume-2");
    assertThat(cache.evictTo(0).evicted()).hasSize(1);

    Contents.refused(
        N0Exception.Code.NOT_FOUND, "not there", () -> cache.pin(image.digest(), "volume-1"));
    for (String reference : new String[] {"", ".", "../x", "a/b", "x".repeat(129)}) {
      Contents.refused(
          N0Exception.Code.INVALID, "reference", () -> cache.pin(image.digest(), reference));
    }
  }

  @Test
  void aCorruptImageIsMovedAwayAndFetchedAnew() throws IOException {
    try (RawServer server = RawServer.serving(CONTENT)) {
      FetchRequest request = Contents.request(server, CONTENT);
      CachedImage image = cache.obtain(request, "volume-1", FetchListener.NONE);
      assertThat(cache.verify(DIGEST, FetchListener.NONE).isSound()).isTrue();
      Files.setPosixFilePermissions(image.path(), PosixFilePermissions.fromString("rw-------"));
      byte[] rotten = CONTENT.clone();
      rotten[300_000] ^= 4;
      Files.write(image.path(), rotten);

      Verification verification = cache.verify(DIGEST, FetchListener.NONE);

      assertThat(verification.isSound()).isFalse();
      assertThat(verification.found()).isEqualTo(Contents.sha256(rotten));
      assertThat(verification.image().references()).containsExactly("volume-1");
      assertThat(verification.quarantine().orElseThrow()).hasBinaryContent(rotten);
      assertThat(cache.find(DIGEST)).isEmpty();
      assertThat(cache.obtain(request, "volume-1", FetchListener.NONE).path())
          .isEqualTo(image.path())
          .hasBinaryContent(CONTENT);
    }
  }

  @Test
  void whatDeadProcessesLeftIsSwept() throws IOException {
    Path work = images().resolve(".work");
    Files.writeString(work.resolve("lock-sha256-x"), "");
    Files.writeString(work.resolve("new-sha256-x"), "half");
    Files.writeString(work.resolve(".n0-fetch-1.tmp"), "half");

    assertThat(cache.sweep()).isEqualTo(2);

    assertThat(working()).containsExactly("names");
  }
}
