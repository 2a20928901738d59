package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedirectTest {
  private static final byte[] CONTENT = Contents.random(100_000);

  @TempDir
  Path directory;

  private final ImageFetcher fetcher = ImageFetcher.standard();

  @AfterEach
  void close() {
    fetcher.close();
  }

  private RawServer redirecting(String location) throws IOException {
    return RawServer.of(
        (request, out) -> out.head("302 Found", "Location: " + location, "Content-Length: 0"));
  }

  @Test
  void fiveRedirectsAreFollowedAndNoMore() throws IOException {
    for (int last : new int[] {5, 6}) {
      try (RawServer server = RawServer.of((request, out) -> {
        if (request.number() < last) {
          out.head("307 Go", "Location: next?" + request.number() + "#x", "Content-Length: 0");
        } else {
          RawServer.serve(request, out, CONTENT, "ETag: \"v1\"");
        }
      })) {
        Path target = directory.resolve("image" + last);
        FetchRequest request = Contents.request(server, CONTENT);
        if (last == 5) {
          fetcher.fetch(request, target);
          assertThat(target).hasBinaryContent(CONTENT);
          assertThat(server.requests().get(5).path()).isEqualTo("/next?4");
        } else {
          Contents.refused(
              N0Exception.Code.INVALID, "more than 5", () -> fetcher.fetch(request, target));
          assertThat(server.requests()).hasSize(6);
        }
      }
    }
    assertThat(Contents.left(directory)).containsExactly("image5");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "file:///etc/passwd",
        "gopher://localhost/x",
        "ftp://localhost/x",
        "jar:file:/x!/y",
        "javascript:x",
        "//user:secret@localhost/x",
        "http://",
        "http:/x",
        "http://localhost:0/",
        "http://localhost:99999/",
        "http://0x7f.1/"
      })
  void redirectsLeadToHttpServersOnly(String location) throws IOException {
    try (RawServer server = redirecting(location)) {
      N0Exception refusal = Contents.refused(
          N0Exception.Code.INVALID,
          "source.uri",
          () -> fetcher.fetch(Contents.request(server, CONTENT), directory.resolve("image")));

      assertThat(refusal).hasMessageNotContaining("secret");
      assertThat(server.requests()).hasSize(1);
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  /** Whoever knows the query of an address that was signed in advance may fetch what is there. */
  @Test
  void secretsOfAddressesAreInNoMessage() throws IOException {
    String signed = "?signature=secret#secret";
    URI from = URI.create("https://images.example/a" + signed);
    String tooLong = "/" + "x".repeat(9000) + signed;
    List<Runnable> refusals = List.of(
        () -> UriRules.require(URI.create("ftp://images.example/a" + signed)),
        () -> UriRules.require(URI.create("ftp://user:secret@images.example/a")),
        () -> UriRules.require(URI.create("http:///a" + signed)),
        () -> UriRules.require(URI.create("http://user:secret@images_example/a" + signed)),
        () -> UriRules.require(URI.create("http://images.example:0/a" + signed)),
        () -> UriRules.require(URI.create("http://images.example" + tooLong)),
        () -> UriRules.file(URI.create("file:/a" + signed)),
        () -> UriRules.next(from, tooLong),
        () -> UriRules.next(from, "http://[a" + signed),
        () -> UriRules.next(from, "http://images.example/b" + signed));
    for (Runnable refusal : refusals) {
      assertThat(Contents.refused(N0Exception.Code.INVALID, "source.uri", refusal))
          .hasMessageNotContaining("secret");
    }
    try (RawServer server = redirecting("next" + signed)) {
      FetchRequest request =
          FetchRequest.of(server.uri("/image" + signed), Contents.rules(CONTENT));
      assertThat(Contents.refused(
              N0Exception.Code.INVALID,
              "more than 5",
              () -> fetcher.fetch(request, directory.resolve("image"))))
          .hasMessageNotContaining("secret");
      assertThat(request.toString()).contains("/image").doesNotContain("secret");
    }
  }

  @Test
  void httpsNeverLeadsToHttp() {
    URI from = URI.create("https://images.example/a/b");

    Contents.refused(
        N0Exception.Code.INVALID,
        "must stay https",
        () -> UriRules.next(from, "http://images.example/a/b"));
    assertThat(UriRules.next(from, "../c")).isEqualTo(URI.create("https://images.example/c"));
    assertThat(UriRules.next(URI.create("http://h/x"), "HTTPS://h/y"))
        .isEqualTo(URI.create("HTTPS://h/y"));
  }

  @Test
  void onlyPublicAddressesAreAskedIfThatIsThePolicy() throws IOException {
    try (RawServer server = RawServer.serving(CONTENT);
        ImageFetcher strict =
            ImageFetcher.builder().addresses(AddressPolicy.PUBLIC_ONLY).build()) {
      Contents.refused(
          N0Exception.Code.INVALID,
          "public addresses",
          () -> strict.fetch(Contents.request(server, CONTENT), directory.resolve("image")));

      assertThat(server.requests()).isEmpty();
    }
  }

  @Test
  void aPublicServerLeadsToNoPrivateOne() throws IOException {
    // The proxy stands for the public internet, which tests do not have.
    try (RawServer proxy = redirecting("http://127.0.0.1/latest/meta-data")) {
      for (AddressPolicy policy :
          new AddressPolicy[] {AddressPolicy.PUBLIC_STAYS_PUBLIC, AddressPolicy.ANY}) {
        try (ImageFetcher through = ImageFetcher.builder()
            .addresses(policy)
            .proxy(new java.net.InetSocketAddress("localhost", proxy.uri("/").getPort()))
            .build()) {
          FetchRequest request =
              FetchRequest.of(URI.create("http://8.8.8.8/x"), Contents.rules(CONTENT));
          Contents.refused(
              N0Exception.Code.INVALID,
              policy == AddressPolicy.ANY ? "more than 5" : "not 127.0.0.1",
              () -> through.fetch(request, directory.resolve("image")));
        }
      }
      assertThat(proxy.requests()).hasSize(1 + 6);
    }
  }

  /** As a server does that waits until the JVM forgets its address, and changes it meanwhile. */
  @ParameterizedTest
  @CsvSource({"8.8.8.8, 10.0.0.1", "10.0.0.1, 8.8.8.8"})
  void aNameThatIsPublicBeforeOrAfterTheAnswerLeadsToNoPrivateAddress(String before, String after)
      throws IOException {
    try (RawServer server = RawServer.of((request, out) -> out.head(
            "302 Found",
            "Location: http://127.0.0.1:" + out.socket().getLocalPort() + "/latest/meta-data",
            "Content-Length: 0"));
        ImageFetcher fooled = ImageFetcher.builder()
            .names(host -> host.equals("localhost")
                ? new InetAddress[] {
                  CidrAddress.literal(server.requests().isEmpty() ? before : after)
                }
                : InetAddress.getAllByName(host))
            .build()) {
      Contents.refused(
          N0Exception.Code.INVALID,
          "not 127.0.0.1",
          () -> fooled.fetch(Contents.request(server, CONTENT), directory.resolve("image")));

      assertThat(server.requests()).hasSize(1);
      assertThat(Contents.left(directory)).isEmpty();
    }
  }

  @Test
  void aServerOfOnesOwnNetworkLeadsToAnother() throws IOException {
    try (RawServer mirror = RawServer.serving(CONTENT);
        RawServer server = redirecting(mirror.uri("/image").toString());
        ImageFetcher within = ImageFetcher.builder()
            .names(host -> new InetAddress[] {CidrAddress.literal("10.0.0.1")})
            .build()) {
      within.fetch(Contents.request(server, CONTENT), directory.resolve("image"));

      assertThat(directory.resolve("image")).hasBinaryContent(CONTENT);
    }
  }

  @Test
  void namesThatOnlyAProxyCanResolveAreLeftToIt() throws IOException {
    try (RawServer proxy = RawServer.of((request, out) -> {
          if (request.number() == 0) {
            out.head("302 Found", "Location: http://mirror.invalid/y", "Content-Length: 0");
          } else {
            RawServer.serve(request, out, CONTENT, "ETag: \"v1\"");
          }
        });
        ImageFetcher through = ImageFetcher.builder()
            .addresses(AddressPolicy.PUBLIC_ONLY)
            .proxy(new java.net.InetSocketAddress("localhost", proxy.uri("/").getPort()))
            .build()) {
      through.fetch(
          FetchRequest.of(URI.create("http://images.invalid/x"), Contents.rules(CONTENT)),
          directory.resolve("image"));

      assertThat(proxy.requests().get(1).path()).isEqualTo("http://mirror.invalid/y");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "8.8.8.8, true",
    "1.1.1.1, true",
    "100.63.255.255, true",
    "172.32.0.1, true",
    "223.255.255.255, true",
    "2606:4700:4700::1111, true",
    "64:ff9b::808:808, true",
    "2002:808:808::1, true",
    "0.0.0.0, false",
    "10.0.0.1, false",
    "100.64.0.1, false",
    "127.0.0.1, false",
    "127.255.255.255, false",
    "169.254.169.254, false",
    "172.16.0.1, false",
    "172.31.255.255, false",
    "192.0.0.8, false",
    "192.168.1.1, false",
    "198.19.0.1, false",
    "224.0.0.1, false",
    "255.255.255.255, false",
    "::, false",
    "::1, false",
    "::7f00:1, false",
    "fe80::1, false",
    "fec0::1, false",
    "fc00::1, false",
    "fd00:ec2::254, false",
    "ff02::1, false",
    "2001::1, false",
    "2001:db8::1, false",
    "64:ff9b::7f00:1, false",
    "64:ff9b::a9fe:a9fe, false",
    "2002:7f00:1::1, false",
    "2002:a00:1::1, false"
  })
  void publicAddressesAreKnown(String address, boolean isPublic) {
    assertThat(AddressRanges.isPublic(CidrAddress.literal(address))).isEqualTo(isPublic);
  }
}
