package io.n0stack.n0core.membership.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EtcdConfigTest {
  private final EtcdConfig config = EtcdConfig.of("127.0.0.1:2379");

  @Test
  void tlsChangesTheScheme() {
    EtcdTls tls = EtcdTls.trusting(Path.of("/etc/ca.pem"));

    assertThat(config.endpoints()).containsExactly(URI.create("http://127.0.0.1:2379"));
    assertThat(config.withTls(tls).endpoints())
        .containsExactly(URI.create("https://127.0.0.1:2379"));
    assertThat(config.withTls(tls).withPrefix("/a").tls()).contains(tls);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "host", "host:0", "host:65536", "a b:1", "user@host:1", "host:1/x", "host:1?q"
      })
  void oddEndpointsAreRefused(String endpoint) {
    assertInvalid("endpoints", () -> EtcdConfig.of(endpoint));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "n0core", "/n0core/", "//a", "/a b", "/a\n"})
  void oddPrefixesAreRefused(String prefix) {
    assertInvalid("prefix", () -> config.withPrefix(prefix));
  }

  @Test
  void limitsAreKept() {
    assertInvalid("endpoints", EtcdConfig::of);
    assertInvalid("endpoints", () -> EtcdConfig.of("h:1".concat(",h:2")));
    assertInvalid("deadline", () -> config.withDeadline(Duration.ZERO));
    assertInvalid("deadline", () -> config.withDeadline(Duration.ofDays(1)));
    assertInvalid("trusted", () -> EtcdTls.trusting(Path.of("ca.pem")));
    Path path = Path.of("/etc/client.pem");
    assertInvalid("key", () -> new EtcdTls(path, Optional.of(path), Optional.empty()));
  }

  private static void assertInvalid(String field, ThrowingCallable call) {
    assertThatExceptionOfType(N0Exception.class).isThrownBy(call).satisfies(e -> {
      assertThat(e.code()).isEqualTo(Code.INVALID);
      assertThat(e.subject()).isEqualTo(field);
    });
  }
}
