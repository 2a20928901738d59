package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that break, lie and stall. */
@Timeout(60)
class HostileServerTest {
  private static final byte[] CONTENT = Contents.random(2_000_003);
  private static final String TAG = "ETag: \"v1\"";
  private static final String LENGTH = "Content-Length: " + CONTENT.length;

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

  private Fetched fetch(RawServer server) {
    return fetcher.fetch(Contents.request(server, CONTENT), target());
  }

  private void refused(RawServer.Script script, N0Exception.Code code, String words)
      throws IOException {
    try (RawServer server = RawServer.of(script)) {
      Contents.refused(code, words, () -> fetch(server));
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  private void fetched(RawServer.Script script, int requests) throws IOException {
    try (RawServer server = RawServer.of(script)) {
      fetch(server);

      assertThat(target()).hasBinaryContent(CONTENT);
      assertThat(Contents.left(directory)).containsExactly("image");
      assertThat(server.requests()).hasSize(requests);
    }
  }

  @Test
  void aLostConnectionIsGoneOnFromWhereItBroke() throws IOException {
    for (String version : new String[] {TAG, "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT"}) {
      try (RawServer server = RawServer.of((request, out) -> {
        if (request.number() == 0) {
          out.head("200 OK", LENGTH, version).bytes(CONTENT, 0, 1_200_000);
        } else {
          RawServer.serve(request, out, CONTENT, version);
        }
      })) {
        Fetched fetched = fetch(server);

        assertThat(target()).hasBinaryContent(CONTENT);
        assertThat(fetched.receivedBytes()).isEqualTo(CONTENT.length);
        assertThat(server.requests()).hasSize(2);
        assertThat(server.requests().get(1).headers())
            .containsEntry("range", "bytes=1200000-")
            .containsEntry("if-range", version.substring(version.indexOf(' ') + 1));
        assertThat(target().toFile().delete()).isTrue();
      }
    }
  }

  @Test
  void aResetInTheMiddleIsGoneOnFrom() throws IOException {
    try (RawServer server = RawServer.of((request, out) -> {
      if (request.number() == 0) {
        out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, 1_200_000).reset();
      } else {
        RawServer.serve(request, out, CONTENT, TAG);
      }
    })) {
      fetch(server);

      assertThat(target()).hasBinaryContent(CONTENT);
      assertThat(server.requests()).hasSize(2);
    }
  }

  @Test
  void withoutAStrongVersionALostConnectionStartsAnew() throws IOException {
    fetched(
        (request, out) -> {
          assertThat(request.headers()).doesNotContainKey("range");
          int end = request.number() == 0 ? 1_000_000 : CONTENT.length;
          out.head("200 OK", LENGTH, "ETag: W/\"v1\"").bytes(CONTENT, 0, end);
        },
        2);
  }

  @Test
  void aServerThatSendsTheWholeInsteadOfAPartStartsAnew() throws IOException {
    fetched(
        (request, out) -> {
          int end = request.number() == 0 ? 1_000_000 : CONTENT.length;
          out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, end);
        },
        3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bytes 1000001-2000002/2000003",
        "bytes 0-2000002/2000003",
        "bytes 1000000-2000003/2000004",
        "bytes 1000000-2000002/*, bytes 1-2/3",
        "bytes 1000000-999999/2000003",
        "bytes 99999999999999999999-99999999999999999999/*",
        "lines 1-2/3",
        ""
      })
  void anotherPartThanTheOneAskedForStartsAnew(String range) throws IOException {
    fetched(
        (request, out) -> {
          if (request.number() == 0) {
            out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, 1_000_000);
          } else if (request.from() > 0) {
            out.head("206 Part", "Content-Length: 1000003", "Content-Range: " + range, TAG)
                .bytes(CONTENT, 1_000_000, CONTENT.length);
          } else {
            RawServer.serve(request, out, CONTENT, TAG);
          }
        },
        3);
  }

  @Test
  void aPartOfAnotherVersionStartsAnew() throws IOException {
    fetched(
        (request, out) -> {
          if (request.number() == 0) {
            out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, 1_000_000);
          } else {
            RawServer.serve(request, out, CONTENT, "ETag: \"v2\"");
          }
        },
        3);
  }

  @Test
  void aServerThatCutsThePartsShortIsAskedForTheRest() throws IOException {
    fetched(
        (request, out) -> {
          int from = (int) request.from();
          int end = Math.min(CONTENT.length, from + 700_000);
          if (from == 0) {
            out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, end);
          } else {
            out.head(
                    "206 Part",
                    "Content-Length: " + (end - from),
                    "Content-Range: bytes " + from + "-" + (end - 1) + "/" + CONTENT.length,
                    TAG)
                .bytes(CONTENT, from, end);
          }
        },
        3);
  }

  @Test
  void aServerThatNeverHasTheRestIsGivenUp() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    refused(
        (request, out) -> {
          asked.incrementAndGet();
          if (request.from() == 0) {
            out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, 1_000_000);
          } else {
            out.head("416 No", "Content-Range: bytes */1000", "Content-Length: 0");
          }
        },
        N0Exception.Code.UNAVAILABLE,
        "fetch");
    assertThat(asked).hasValueLessThan(10);
  }

  @Test
  void aRangeThatWasNotAskedForIsRefused() throws IOException {
    refused(
        (request, out) -> out.head("416 No", "Content-Length: 0"),
        N0Exception.Code.UNAVAILABLE,
        "not asked for");
    refused(
        (request, out) -> out.head("206 Part", LENGTH, "Content-Range: bytes 0-2000002/2000003")
            .bytes(CONTENT),
        N0Exception.Code.UNAVAILABLE,
        "not asked for");
  }

  @Test
  void tooFewBytesAreNotTakenForTheFile() throws IOException {
    refused(
        (request, out) -> out.head("200 OK", LENGTH).bytes(CONTENT, 0, 1_000_000),
        N0Exception.Code.UNAVAILABLE,
        "fetch");
    refused(
        (request, out) -> out.head("200 OK", "Content-Length: 1000000").bytes(CONTENT),
        N0Exception.Code.INVALID,
        "source.digest");
  }

  @Test
  void moreBytesThanTheLimitAreNotTaken() throws IOException {
    ContentRules rules = ContentRules.builder()
        .digest(Contents.sha256(CONTENT))
        .maxBytes(CONTENT.length - 1)
        .build();
    byte[] block = new byte[1 << 16];
    try (RawServer declaring = RawServer.serving(CONTENT);
        RawServer endless = RawServer.of((request, out) -> {
          out.head("200 OK", "Transfer-Encoding: chunked");
          while (true) {
            out.text("10000\r\n").bytes(block).text("\r\n");
          }
        })) {
      for (RawServer server : new RawServer[] {declaring, endless}) {
        Contents.refused(
            N0Exception.Code.INVALID,
            "source.size",
            () -> fetcher.fetch(Contents.request(server, rules), target()));
        assertThat(Contents.left(directory)).isEmpty();
      }
    }
  }

  @Test
  void aBodyWithoutLengthIsTakenToItsEnd() throws IOException {
    fetched((request, out) -> out.head("200 OK").bytes(CONTENT), 1);
  }

  @Test
  void chunksThatAreNoneAreRefused() throws IOException {
    refused(
        (request, out) ->
            out.head("200 OK", "Transfer-Encoding: chunked").text("zz\r\nhello\r\n0\r\n\r\n"),
        N0Exception.Code.UNAVAILABLE,
        "fetch");
    refused(
        (request, out) -> out.head("200 OK", "Transfer-Encoding: chunked").text("ffff\r\nshort"),
        N0Exception.Code.UNAVAILABLE,
        "fetch");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\r\n\r\n",
        "SSH-2.0-server\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\u0000: \u0001\r\n\r\nhello",
        "HTTP/1.1 302 Found\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
      })
  void garbageIsRefused(String answer) throws IOException {
    try (RawServer server = RawServer.of((request, out) -> out.text(answer))) {
      assertThatThrownBy(() -> fetcher.fetch(
              Contents.request(server, CONTENT)
                  .withRetries(1)
                  .withTimeouts(Duration.ofSeconds(5), Duration.ofMillis(500)),
              target()))
          .isInstanceOfSatisfying(
              N0Exception.class,
              e -> assertThat(e.code())
                  .as("%s", e)
                  .isIn(N0Exception.Code.UNAVAILABLE, N0Exception.Code.INVALID));
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void headersWithoutEndAreRefused() throws IOException {
    String field = "x".repeat(1000) + ": " + "y".repeat(1000) + "\r\n";
    refused(
        (request, out) -> {
          out.text("HTTP/1.1 200 OK\r\n");
          while (true) {
            out.text(field);
          }
        },
        N0Exception.Code.UNAVAILABLE,
        "fetch");
  }

  @Test
  void silenceEndsAtTheIdleLimit() throws IOException {
    for (int sent : new int[] {0, 1_000_000}) {
      try (RawServer server = RawServer.of((request, out) -> {
        if (sent > 0) {
          out.head("200 OK", LENGTH, TAG).bytes(CONTENT, 0, sent);
        }
        out.hang();
      })) {
        FetchRequest request = Contents.request(server, CONTENT)
            .withRetries(0)
            .withTimeouts(Duration.ofSeconds(30), Duration.ofMillis(400));
        Contents.refused(
            N0Exception.Code.UNAVAILABLE,
            "silent for 400 ms",
            () -> fetcher.fetch(request, target()));
        assertThat(Contents.left(directory)).isEmpty();
      }
    }
  }

  @Test
  void aSlowServerEndsAtTheDeadline() throws IOException {
    try (RawServer server = RawServer.of((request, out) -> {
      out.head("200 OK", LENGTH, TAG);
      for (byte one : CONTENT) {
        out.bytes(new byte[] {one});
        java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
      }
    })) {
      long start = System.nanoTime();

      assertThatThrownBy(() -> fetcher.fetch(
              Contents.request(server, CONTENT)
                  .withTimeouts(Duration.ofMillis(900), Duration.ofMillis(400)),
              target()))
          .isInstanceOf(OperationTimeoutException.class);

      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void statusesAreToldApart() throws IOException {
    refused((request, out) -> out.head("404 No"), N0Exception.Code.NOT_FOUND, "status 404");
    refused((request, out) -> out.head("403 No"), N0Exception.Code.PERMISSION, "status 403");
    refused((request, out) -> out.head("418 No"), N0Exception.Code.UNAVAILABLE, "status 418");
    fetched(
        (request, out) -> {
          if (request.number() < 2) {
            out.head("503 Later", "Content-Length: 0");
          } else {
            RawServer.serve(request, out, CONTENT, TAG);
          }
        },
        3);
  }

  @Test
  void nobodyListeningIsSaidAfterTheRetries() {
    FetchRequest request = FetchRequest.of(
            URI.create("http://localhost:1/x"), Contents.rules(CONTENT))
        .withRetries(1);

    Contents.refused(
        N0Exception.Code.UNAVAILABLE, "localhost:1", () -> fetcher.fetch(request, target()));
  }

  @Test
  void piecesThatDoNotFitAreFetchedOnceMore() throws IOException {
    byte[] other = Arrays.copyOf(CONTENT, CONTENT.length);
    other[10]++;
    fetched(
        (request, out) -> {
          if (request.number() == 0) {
            out.head("200 OK", LENGTH, TAG).bytes(other, 0, 1_000_000);
          } else {
            RawServer.serve(request, out, CONTENT, TAG);
          }
        },
        3);
  }
}
