package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFetcherTest {
  private static final byte[] CONTENT = Contents.random(3_000_001);

  @TempDir
  Path directory;

  private final ImageFetcher fetcher = ImageFetcher.standard();
  private Path target;

  @BeforeEach
  void nameTarget() {
    target = directory.resolve("image");
  }

  @AfterEach
  void close() {
    fetcher.close();
  }

  @Test
  void aVerifiedFileIsPublishedAndNothingElseIsLeft() throws IOException {
    try (RawServer server = RawServer.serving(CONTENT)) {
      List<Long> told = new ArrayList<>();

      Fetched fetched = fetcher.fetch(
          Contents.request(server, CONTENT), target, (received, total) -> told.add(received));

      assertThat(target).hasBinaryContent(CONTENT);
      assertThat(fetched.sizeBytes()).isEqualTo(CONTENT.length);
      assertThat(fetched.receivedBytes()).isEqualTo(CONTENT.length);
      assertThat(fetched.contentSha256()).isEqualTo(Contents.sha256(CONTENT));
      assertThat(told).isSorted().endsWith((long) CONTENT.length);
      assertThat(Files.getPosixFilePermissions(target))
          .isEqualTo(PosixFilePermissions.fromString("rw-------"));
      assertThat(Contents.left(directory)).containsExactly("image");
    }
  }

  @Test
  void allDigestsMustBeMet() throws IOException {
    Digest sha256 = Contents.sha256(CONTENT);
    Digest sha512 = Contents.digest(Digest.Algorithm.SHA512, CONTENT);
    Digest wrong = Contents.digest(Digest.Algorithm.SHA512, new byte[1]);
    try (RawServer server = RawServer.serving(CONTENT)) {
      ContentRules bad = ContentRules.builder().digest(sha256, wrong).build();
      Contents.refused(
          N0Exception.Code.INVALID,
          "source.digest \"" + wrong.toString().substring(0, 20),
          () -> fetcher.fetch(Contents.request(server, bad), target));
      assertThat(Contents.left(directory)).isEmpty();

      ContentRules good = ContentRules.builder().digest(sha256, sha512).build();
      Fetched fetched = fetcher.fetch(Contents.request(server, good), target);

      assertThat(fetched.digests()).containsExactlyInAnyOrder(sha256, sha512);
    }
  }

  @Test
  void aWrongDigestPublishesNothingWhateverTheSource() throws IOException {
    Path file = Files.write(directory.resolve("source"), CONTENT);
    ContentRules wrong = Contents.rules(new byte[1]);
    try (RawServer server = RawServer.serving(CONTENT)) {
      for (Runnable fetch : List.<Runnable>of(
          () -> fetcher.fetch(Contents.request(server, wrong), target),
          () -> fetcher.fetch(
              Contents.request(server, wrong).withPart(FetchRequest.Part.KEEP), target),
          () -> fetcher.fetch(FetchRequest.of(file.toUri(), wrong), target),
          () -> fetcher.importFrom(
              new ByteArrayInputStream(CONTENT), wrong, target, FetchListener.NONE))) {
        Contents.refused(N0Exception.Code.INVALID, "source.digest", fetch);
        assertThat(Contents.left(directory)).containsExactly("source");
      }
    }
  }

  @Test
  void whatIsThereIsNeverReplaced() throws IOException {
    Files.writeString(target, "mine");
    try (RawServer server = RawServer.serving(CONTENT)) {
      Contents.refused(
          N0Exception.Code.ALREADY_EXISTS,
          target.toString(),
          () -> fetcher.fetch(Contents.request(server, CONTENT), target));
      assertThat(server.requests()).isEmpty();
      Files.delete(target);

      Contents.refused(
          N0Exception.Code.ALREADY_EXISTS,
          target.toString(),
          () -> fetcher.fetch(Contents.request(server, CONTENT), target, (received, total) -> {
            if (received > 0) {
              writeMine();
            }
          }));

      assertThat(target).hasContent("mine");
      assertThat(Contents.left(directory)).containsExactly("image");
    }
  }

  private void writeMine() {
    try {
      Files.writeString(target, "mine");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void blocksOfZeroesBecomeHoles() throws IOException {
    byte[] sparse = new byte[16 << 20];
    sparse[5 << 20] = 1;
    sparse[(5 << 20) + 70_000] = 1;
    try (RawServer server = RawServer.serving(sparse)) {
      fetcher.fetch(Contents.request(server, sparse), target);

      assertThat(target).hasBinaryContent(sparse);
      assertThat(NativeFile.look(target).orElseThrow().allocatedBytes()).isLessThan(1 << 20);
    }
  }

  @Test
  void filesOfThisHostAreTakenByTheSameRules() throws IOException {
    Path file = Files.write(directory.resolve("source"), CONTENT);
    Path link = Files.createSymbolicLink(directory.resolve("link"), file);

    Fetched fetched = fetcher.fetch(FetchRequest.of(file.toUri(), Contents.rules(CONTENT)), target);

    assertThat(target).hasBinaryContent(CONTENT);
    assertThat(fetched.digests()).containsExactly(Contents.sha256(CONTENT));
    ContentRules any = ContentRules.builder().build();
    Path other = directory.resolve("other");
    Contents.refused(
        N0Exception.Code.INVALID,
        "must be a regular file",
        () -> fetcher.fetch(FetchRequest.of(link.toUri(), any), other));
    Contents.refused(
        N0Exception.Code.INVALID,
        "must be a regular file",
        () -> fetcher.fetch(FetchRequest.of(URI.create("file:/dev/zero"), any), other));
    Contents.refused(
        N0Exception.Code.NOT_FOUND,
        "no such file",
        () -> fetcher.fetch(FetchRequest.of(URI.create("file:/none/x"), any), other));
    assertThat(other).doesNotExist();
  }

  @Test
  void theGateSeesTheBeginningEarlyAndTheWholeLast() throws IOException {
    AtomicLong sent = new AtomicLong();
    byte[] start = java.util.Arrays.copyOf(CONTENT, 1 << 20);
    try (RawServer server = RawServer.of((request, out) -> {
      out.head("200 OK", "Content-Length: 100000000").bytes(start);
      sent.set(1);
      out.hang();
    })) {
      ContentGate refusing = new ContentGate() {
        @Override
        public void head(ByteBuffer head, Path partial) {
          byte[] seen = new byte[head.remaining()];
          head.get(seen);
          assertThat(seen).isEqualTo(java.util.Arrays.copyOf(CONTENT, 64 << 10));
          throw N0Exception.invalid("image.magic", "x", "must please me");
        }
      };
      ContentRules rules =
          ContentRules.builder().digest(Contents.sha256(CONTENT)).gate(refusing).build();

      Contents.refused(
          N0Exception.Code.INVALID,
          "must please me",
          () -> fetcher.fetch(
              Contents.request(server, rules).withPart(FetchRequest.Part.KEEP), target));

      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void anImageGateRefusesABackingFileBeforeTheRestHasArrived() throws IOException {
    byte[] image = Qcow2Heads.withBackingFile("/etc/passwd");
    ContentRules rules = ContentRules.builder()
        .digest(Contents.sha256(image))
        .gate(ContentGate.of(ImageGate.standard(), ImageFormat.QCOW2))
        .build();
    try (RawServer server = RawServer.of((request, out) -> {
      out.head("200 OK", "Content-Length: 100000000").bytes(image);
      out.hang();
    })) {
      Contents.refused(
          N0Exception.Code.INVALID,
          "image.backingFile",
          () -> fetcher.fetch(Contents.request(server, rules), target));
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void whatTheGateRefusesAtTheEndIsNotPublished() throws IOException {
    ContentGate raw = ContentGate.of(ImageGate.limitedTo(1 << 20), ImageFormat.RAW);
    try (RawServer server = RawServer.serving(CONTENT)) {
      ContentRules rules =
          ContentRules.builder().digest(Contents.sha256(CONTENT)).gate(raw).build();

      Contents.refused(
          N0Exception.Code.INVALID,
          "image.size",
          () -> fetcher.fetch(Contents.request(server, rules), target));

      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void cancellingLeavesNothingOrThePartThatWasWanted() throws IOException {
    try (RawServer server = RawServer.of((request, out) -> {
      out.head("200 OK", "Content-Length: " + CONTENT.length, "ETag: \"v1\"")
          .bytes(CONTENT, 0, 2_000_000);
      out.hang();
    })) {
      for (FetchRequest.Part part : List.of(FetchRequest.Part.DISCARD, FetchRequest.Part.KEEP)) {
        AtomicLong seen = new AtomicLong();
        FetchRequest request = Contents.request(server, CONTENT).withPart(part);
        FetchJob job = fetcher.start(request, target, (received, total) -> seen.set(received));
        await().until(() -> seen.get() > 1_900_000);

        job.cancel();

        Contents.refused(
            N0Exception.Code.CANCELLED, "interrupted", () -> job.await(Duration.ofSeconds(30)));
        assertThat(Contents.left(directory)).hasSize(part == FetchRequest.Part.KEEP ? 2 : 0);
      }
      assertThat(ImageFetcher.sweepParts(directory, Duration.ofHours(1))).isZero();
      assertThat(ImageFetcher.sweepParts(directory, Duration.ZERO)).isEqualTo(1);
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void aListenerCancelsByThrowingEvenWhileNothingArrives() throws IOException {
    try (RawServer server = RawServer.of((request, out) -> out.hang())) {
      long start = System.nanoTime();

      assertThatThrownBy(() ->
              fetcher.fetch(Contents.request(server, CONTENT), target, (received, total) -> {
                if (System.nanoTime() - start > Duration.ofMillis(300).toNanos()) {
                  throw new IllegalStateException("enough of " + total);
                }
              }))
          .hasMessage("enough of " + OptionalLong.empty());

      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void anAnswerThatComesJustAsOneGivesUpHoldsNoConnection() throws IOException {
    CountDownLatch answer = new CountDownLatch(1);
    CountDownLatch gone = new CountDownLatch(1);
    byte[] block = new byte[1 << 16];
    try (RawServer server = RawServer.of((request, out) -> {
      await().until(() -> answer.getCount() == 0);
      try {
        out.head("200 OK", "Content-Length: 100000000");
        while (true) {
          out.bytes(block);
        }
      } finally {
        gone.countDown();
      }
    })) {
      assertThatThrownBy(() ->
              fetcher.fetch(Contents.request(server, CONTENT), target, (received, total) -> {
                if (!server.requests().isEmpty()) {
                  answer.countDown();
                  // Until the head has come, which nobody but the client's own threads can see.
                  await().pollDelay(Duration.ofMillis(500)).until(() -> true);
                  throw new IllegalStateException("enough");
                }
              }))
          .hasMessage("enough");

      await().atMost(Duration.ofSeconds(30)).until(() -> gone.getCount() == 0);
    }
  }

  @Test
  void aJobThatIsAwaitedTooShortlyGoesOn() throws IOException {
    try (RawServer server = RawServer.of((request, out) -> out.hang());
        FetchJob job =
            fetcher.start(Contents.request(server, CONTENT), target, FetchListener.NONE)) {
      assertThatThrownBy(() -> job.await(Duration.ofMillis(50)))
          .isInstanceOf(OperationTimeoutException.class);
      assertThat(job.isDone()).isFalse();
    }
  }

  @Test
  void aProxyIsUsedForAll() throws IOException {
    try (RawServer proxy = RawServer.serving(CONTENT);
        ImageFetcher through = ImageFetcher.builder()
            .proxy(new InetSocketAddress("localhost", proxy.uri("/").getPort()))
            .build()) {
      through.fetch(
          FetchRequest.of(URI.create("http://images.invalid/x"), Contents.rules(CONTENT)), target);

      assertThat(target).hasBinaryContent(CONTENT);
      assertThat(proxy.requests().get(0).path()).isEqualTo("http://images.invalid/x");
    }
  }

  @Test
  void requestsAreCheckedBeforeAnythingHappens() {
    ContentRules none = ContentRules.builder().build();
    Contents.refused(
        N0Exception.Code.INVALID,
        "digests",
        () -> FetchRequest.of(URI.create("http://host/x"), none));
    ContentRules some = Contents.rules(CONTENT);
    for (String uri : List.of("ftp://host/x", "http:///x", "http://u:secret@host/x", "x")) {
      N0Exception refusal = Contents.refused(
          N0Exception.Code.INVALID, "source.uri", () -> FetchRequest.of(URI.create(uri), some));
      assertThat(refusal).hasMessageNotContaining("secret");
    }
    Contents.refused(
        N0Exception.Code.INVALID,
        "target",
        () ->
            fetcher.fetch(FetchRequest.of(URI.create("http://host/x"), some), Path.of("relative")));
  }

  @Test
  void sweepingTakesWhatNobodyHolds() throws IOException {
    Files.writeString(directory.resolve(".n0-fetch-dead.tmp"), "dead");
    Files.writeString(directory.resolve("other"), "mine");
    try (TemporaryFile alive = TemporaryFile.create(target)) {
      assertThat(ImageFetcher.sweep(directory)).isEqualTo(1);
      assertThat(alive.path()).exists();
    }
    assertThat(Contents.left(directory)).containsExactly("other");
  }
}
