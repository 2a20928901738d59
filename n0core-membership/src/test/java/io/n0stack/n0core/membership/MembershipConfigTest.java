package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MembershipConfigTest {
  private static final Transport SECRET = Transport.sharedSecret(Path.of("/run/n0core/secret"));

  @Test
  void aTransportIsChosenByName() {
    Transport tls =
        Transport.mutualTls(Path.of("/c/own.pem"), Path.of("/c/own.key"), Path.of("/c/ca.pem"));

    assertThat(Transport.parse("tls:/c/own.pem,/c/own.key,/c/ca.pem")).isEqualTo(tls);
    assertThat(Transport.parse("secret:/run/n0core/secret")).isEqualTo(SECRET);
    assertThat(Transport.parse("plaintext-isolated")).isEqualTo(Transport.PLAINTEXT_ISOLATED);
    assertThat(Transport.parse("plaintext-anywhere")).isEqualTo(Transport.PLAINTEXT_ANYWHERE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "plaintext", "tls:", "tls:/a,/b", "tls:/a,/b,/c,/d", "TLS:/a,/b,/c"})
  void aTransportThatIsNotNamedIsRefused(String text) {
    assertInvalid(() -> Transport.parse(text), "transport");
  }

  @ParameterizedTest
  @ValueSource(strings = {"secret:", "secret:here", "tls:a,/b,/c"})
  void aTransportsFilesAreAbsolutePaths(String text) {
    assertInvalid(() -> Transport.parse(text), "");
  }

  @Test
  void defaultsAreTheMeasuredOnes() {
    MembershipConfig config = MembershipConfig.of("node-1", "127.0.0.1:5679", SECRET);

    assertThat(config.seeds()).isEmpty();
    assertThat(config.clusterId()).isEqualTo("n0core");
    assertThat(config.transport()).isEqualTo(SECRET);
    assertThat(config.timings().failureTimeout()).isEqualTo(Duration.ofSeconds(3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../x", "a/b", "a,b", "Node", "node\n1", "-a"})
  void refusesNamesThatAreNotLabels(String name) {
    assertInvalid(() -> MembershipConfig.of(name, "127.0.0.1:5679", SECRET), "name");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0:5679",
        "localhost:5679",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:999999999999",
        "256.0.0.1:1",
        "[::1]:5679",
        "::1:5679",
        ":5679",
        "a b:1",
        ""
      })
  void refusesToListenOnAnythingButOneAddress(String listen) {
    assertInvalid(() -> MembershipConfig.of("node-1", listen, SECRET), "");
  }

  @Test
  void readsSeedsThatAreNamesOrAddresses() {
    MembershipConfig config = MembershipConfig.of("node-1", "127.0.0.1:5679", SECRET)
        .withSeeds("api.example.org:5679", "127.0.0.2:1");

    assertThat(config.seeds()).extracting(HostPort::host).contains("api.example.org", "127.0.0.2");
    assertInvalid(() -> config.withSeeds("127.1:5"), "host");
    assertInvalid(() -> config.withClusterId("A"), "clusterId");
  }

  @Test
  void refusesTimesThatCannotWork() {
    Duration good = Duration.ofMillis(500);

    assertInvalid(() -> new Timings(Duration.ZERO, good, good, good), "probe");
    assertInvalid(() -> new Timings(good, good, Duration.ofDays(1), good), "failureTimeout");
  }

  @Test
  void refusesAnAddressThatOthersCouldReach() {
    // The test's own network is process 1's, or the system does not tell.
    MembershipConfig config =
        MembershipConfig.of("node-1", "192.0.2.1:5679", Transport.PLAINTEXT_ISOLATED);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> AtomixMembership.open(config))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED))
        .withMessageContaining("192.0.2.1:5679")
        .withMessageContaining("PLAINTEXT_ANYWHERE");
    AtomixMembership.open(config.withTransport(Transport.PLAINTEXT_ANYWHERE)).close();
  }

  private static void assertInvalid(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String subject) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .satisfies(e -> assertThat(e.subject()).contains(subject));
  }
}
