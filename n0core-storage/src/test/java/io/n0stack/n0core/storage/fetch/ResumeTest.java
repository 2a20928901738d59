package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Transfers that go on from the part that an earlier one has left. */
class ResumeTest {
  private static final byte[] CONTENT = Contents.random(2_000_003);
  private static final int BROKEN_AT = 1_500_000;

  @TempDir
  Path directory;

  private final ImageFetcher fetcher = ImageFetcher.standard();

  @AfterEach
  void close() {
    fetcher.close();
  }

  private Path target() {
    return directory.resolve("image");
  }

  private static FetchRequest kept(RawServer server, ContentRules rules) {
    return Contents.request(server, rules).withPart(FetchRequest.Part.KEEP).withRetries(0);
  }

  private static RawServer breakingOnce(byte[] file, String version) throws IOException {
    return RawServer.of((request, out) -> {
      if (request.number() == 0) {
        out.head("200 OK", "Content-Length: " + file.length, version).bytes(file, 0, BROKEN_AT);
      } else {
        RawServer.serve(request, out, file, version);
      }
    });
  }

  private Path breakOff(RawServer server, ContentRules rules) throws IOException {
    Contents.refused(
        N0Exception.Code.UNAVAILABLE, "fetch", () -> fetcher.fetch(kept(server, rules), target()));
    Path part = PartFile.pathOf(target(), rules.digests().iterator().next());
    assertThat(part).exists();
    assertThat(target()).doesNotExist();
    return part;
  }

  @Test
  void thePartOfABrokenTransferIsNotReceivedAgain() throws IOException {
    try (RawServer server = breakingOnce(CONTENT, "ETag: \"v1\"")) {
      Path part = breakOff(server, Contents.rules(CONTENT));
      long size = Files.size(part);

      Fetched fetched = fetcher.fetch(kept(server, Contents.rules(CONTENT)), target());

      assertThat(target()).hasBinaryContent(CONTENT);
      assertThat(fetched.resumedBytes()).isEqualTo(size).isGreaterThan(1_000_000);
      assertThat(fetched.receivedBytes()).isEqualTo(CONTENT.length);
      assertThat(server.requests().get(1).headers())
          .containsEntry("range", "bytes=" + size + "-")
          .containsEntry("if-range", "\"v1\"");
      assertThat(Contents.left(directory)).containsExactly("image");
    }
  }

  @Test
  void aCompressedFileIsResumedToo() throws IOException {
    byte[] gzip = Compressed.gzip(CONTENT);
    ContentRules rules = ContentRules.builder()
        .digest(Contents.sha256(gzip))
        .contentDigest(Contents.sha256(CONTENT))
        .compression(ImageSource.Compression.GZIP)
        .build();
    try (RawServer server = breakingOnce(gzip, "ETag: \"v1\"")) {
      breakOff(server, rules);

      Fetched fetched = fetcher.fetch(kept(server, rules), target());

      assertThat(target()).hasBinaryContent(CONTENT);
      assertThat(fetched.resumedBytes()).isGreaterThan(1_000_000);
      assertThat(fetched.receivedBytes()).isEqualTo(gzip.length);
      assertThat(Contents.left(directory)).containsExactly("image");
    }
  }

  @Test
  void aFileThatChangedIsFetchedAnew() throws IOException {
    byte[] changed = Contents.random(2_000_004);
    ContentRules rules = Contents.rules(changed);
    try (RawServer server = RawServer.of((request, out) -> {
      if (request.number() == 0) {
        out.head("200 OK", "Content-Length: " + CONTENT.length, "ETag: \"v1\"")
            .bytes(CONTENT, 0, BROKEN_AT);
      } else if ("\"v2\"".equals(request.headers().getOrDefault("if-range", "\"v2\""))) {
        RawServer.serve(request, out, changed, "ETag: \"v2\"");
      } else {
        out.head("200 OK", "Content-Length: " + changed.length, "ETag: \"v2\"").bytes(changed);
      }
    })) {
      breakOff(server, rules);

      fetcher.fetch(kept(server, rules), target());

      assertThat(target()).hasBinaryContent(changed);
    }
  }

  @Test
  void aPartThatIsDamagedIsFetchedAnew() throws IOException {
    try (RawServer server = breakingOnce(CONTENT, "ETag: \"v1\"")) {
      Path part = breakOff(server, Contents.rules(CONTENT));
      Files.write(part, new byte[10], StandardOpenOption.WRITE);

      fetcher.fetch(kept(server, Contents.rules(CONTENT)), target());

      assertThat(target()).hasBinaryContent(CONTENT);
      assertThat(server.requests()).hasSize(3);
    }
  }

  @Test
  void aPartOfUnknownVersionIsFetchedAnew() throws IOException {
    for (String damage : new String[] {"", "n0core part 1\nuri x\nversion \"v1\"\ntotal 5\n"}) {
      try (RawServer server = breakingOnce(CONTENT, "ETag: \"v1\"")) {
        Path part = breakOff(server, Contents.rules(CONTENT));
        Files.writeString(PartFile.recordOf(part), damage);

        Fetched fetched = fetcher.fetch(kept(server, Contents.rules(CONTENT)), target());

        assertThat(fetched.resumedBytes()).isZero();
        assertThat(target()).hasBinaryContent(CONTENT);
        Files.delete(target());
      }
    }
  }

  @Test
  void aPartThatIsWholeNeedsNoByteMore() throws IOException {
    try (RawServer server = breakingOnce(CONTENT, "ETag: \"v1\"")) {
      Path part = breakOff(server, Contents.rules(CONTENT));
      Files.write(part, CONTENT);

      Fetched fetched = fetcher.fetch(kept(server, Contents.rules(CONTENT)), target());

      assertThat(fetched.resumedBytes()).isEqualTo(CONTENT.length);
      assertThat(target()).hasBinaryContent(CONTENT);
    }
  }

  @Test
  void aPartThatIsTooLongIsFetchedAnew() throws IOException {
    try (RawServer server = breakingOnce(CONTENT, "ETag: \"v1\"")) {
      Path part = breakOff(server, Contents.rules(CONTENT));
      Files.write(part, new byte[CONTENT.length + 5]);

      fetcher.fetch(kept(server, Contents.rules(CONTENT)), target());

      assertThat(target()).hasBinaryContent(CONTENT);
    }
  }

  @Test
  void aPartThatIsAnotherNameOfAFileIsLeftAlone() throws IOException {
    Path precious = directory.resolve("precious");
    try (RawServer server = breakingOnce(CONTENT, "ETag: \"v1\"")) {
      Path part = breakOff(server, Contents.rules(CONTENT));
      Files.writeString(precious, "precious");
      for (boolean symbolic : new boolean[] {false, true}) {
        Files.deleteIfExists(part);
        if (symbolic) {
          Files.createSymbolicLink(part, precious);
          Contents.refused(
              N0Exception.Code.UNAVAILABLE,
              "symbolic links",
              () -> fetcher.fetch(kept(server, Contents.rules(CONTENT)), target()));
        } else {
          Files.createLink(part, precious);
          fetcher.fetch(kept(server, Contents.rules(CONTENT)), target());
          Files.delete(target());
        }
        assertThat(precious).hasContent("precious");
      }
    }
  }

  @Test
  void twoTransfersDoNotShareAPart() throws IOException {
    Digest digest = Contents.sha256(CONTENT);
    try (RawServer server = RawServer.serving(CONTENT);
        PartFile held = PartFile.open(target(), digest, server.uri("/image").toString())) {
      assertThat(held.version()).isEqualTo(Validator.NONE);

      Contents.refused(
          N0Exception.Code.BUSY,
          digest.toString(),
          () -> fetcher.fetch(kept(server, Contents.rules(CONTENT)), target()));
    }
  }

  @Test
  void whatIsKnownOfAPartComesBackAsItWent() throws IOException {
    for (Validator version : new Validator[] {
      new Validator("\"a!b~\"", java.util.OptionalLong.of(5)),
      new Validator("Wed, 21 Oct 2015 07:28:00 GMT", java.util.OptionalLong.empty())
    }) {
      PartRecord record = new PartRecord("http://h/x?y=%0a", version);
      Path file = directory.resolve("record");

      record.write(file);

      assertThat(PartRecord.read(file)).contains(record);
      assertThat(PartRecord.decode(record.encode())).isEqualTo(Optional.of(record));
    }
  }
}
