package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real TLS server whose certificate the JDK's own tool makes. */
class TlsIT {
  private static final byte[] CONTENT = Contents.random(1_000_000);
  private static final char[] PASSWORD = "secret".toCharArray();

  @TempDir
  Path directory;

  private KeyStore keys;

  @BeforeEach
  void makeCertificate() throws Exception {
    Path file = directory.resolve("keys.p12");
    Process keytool = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
            "-genkeypair",
            "-keyalg",
            "EC",
            "-alias",
            "server",
            "-dname",
            "CN=localhost",
            "-ext",
            "SAN=dns:localhost",
            "-storetype",
            "PKCS12",
            "-keystore",
            file.toString(),
            "-storepass",
            new String(PASSWORD))
        .redirectErrorStream(true)
        .start();
    String output = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(keytool.waitFor()).as(output).isZero();
    keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD);
    }
    Files.delete(file);
  }

  private SSLContext serving() throws GeneralSecurityException {
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    return context;
  }

  private SSLContext trusting() throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(keys);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, factory.getTrustManagers(), null);
    return context;
  }

  private RawServer server(RawServer.Script script) throws GeneralSecurityException, IOException {
    ServerSocket listening = serving()
        .getServerSocketFactory()
        .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    return RawServer.of(listening, "https", script);
  }

  @Test
  void aCertificateIsTrustedByItsOwnContextAloneAndForItsNameAlone() throws Exception {
    Path target = directory.resolve("image");
    try (RawServer server =
            server((request, out) -> RawServer.serve(request, out, CONTENT, "ETag: \"v1\""));
        ImageFetcher standard = ImageFetcher.standard();
        ImageFetcher trusting = ImageFetcher.builder().sslContext(trusting()).build()) {
      Contents.refused(
          N0Exception.Code.UNAVAILABLE,
          "certification path",
          () -> standard.fetch(Contents.request(server, CONTENT), target));
      URI byAddress = URI.create("https://127.0.0.1:" + server.uri("/").getPort() + "/image");
      Contents.refused(
          N0Exception.Code.UNAVAILABLE,
          "127.0.0.1",
          () -> trusting.fetch(FetchRequest.of(byAddress, Contents.rules(CONTENT)), target));
      assertThat(server.requests()).isEmpty();
      assertThat(Contents.left(directory)).isEmpty();

      trusting.fetch(Contents.request(server, CONTENT), target);

      assertThat(target).hasBinaryContent(CONTENT);
    }
  }

  @Test
  void aRedirectFromHttpsToHttpIsRefusedAndTheOtherWayFollowed() throws Exception {
    Path target = directory.resolve("image");
    try (RawServer plain = RawServer.serving(CONTENT);
        RawServer down = server((request, out) ->
            out.head("302 Found", "Location: " + plain.uri("/x"), "Content-Length: 0"));
        RawServer secure =
            server((request, out) -> RawServer.serve(request, out, CONTENT, "ETag: \"v1\""));
        RawServer up = RawServer.of((request, out) ->
            out.head("302 Found", "Location: " + secure.uri("/x"), "Content-Length: 0"));
        ImageFetcher trusting = ImageFetcher.builder().sslContext(trusting()).build()) {
      Contents.refused(
          N0Exception.Code.INVALID,
          "must stay https",
          () -> trusting.fetch(Contents.request(down, CONTENT), target));
      assertThat(plain.requests()).isEmpty();

      trusting.fetch(Contents.request(up, CONTENT), target);

      assertThat(target).hasBinaryContent(CONTENT);
    }
  }
}
