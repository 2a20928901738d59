package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/** Content, its digests, and what is left of it. */
final class Contents {
  private Contents() {}

  static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  static Digest sha256(byte[] bytes) {
    return digest(Digest.Algorithm.SHA256, bytes);
  }

  static Digest digest(Digest.Algorithm algorithm, byte[] bytes) {
    Hasher hasher = new Hasher(Set.of(algorithm));
    hasher.update(bytes, 0, bytes.length);
    return hasher.digests().iterator().next();
  }

  static ContentRules rules(byte[] bytes) {
    return ContentRules.builder().digest(sha256(bytes)).build();
  }

  /** A request that gives up soon. */
  static FetchRequest request(RawServer server, byte[] bytes) {
    return request(server, rules(bytes));
  }

  static FetchRequest request(RawServer server, ContentRules rules) {
    return FetchRequest.of(server.uri("/image"), rules)
        .withTimeouts(Duration.ofSeconds(20), Duration.ofSeconds(5))
        .withRetries(2);
  }

  static N0Exception refused(N0Exception.Code code, String words, Runnable call) {
    N0Exception failure = catchThrowableOfType(N0Exception.class, call::run);
    assertThat(failure).as("refused with %s", words).isNotNull();
    assertThat(failure).hasMessageContaining(words);
    assertThat(failure.code()).as("%s", failure).isEqualTo(code);
    return failure;
  }

  static List<String> left(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }
}
