package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.n0stack.n0core.api.N0Exception;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gives parsers what nobody should write. Each {@code @FuzzTest} replays what is sound; with {@code
 * JAZZER_FUZZ=1} Jazzer goes on from there.
 */
class FetchFuzzTest {
  private static final int ROUNDS = 3000;
  private static final URI FROM = URI.create("https://images.example/a/b");
  private static final List<String> RANGES =
      List.of("bytes 0-0/1", "bytes 5-9/*", "bytes */10", "BYTES 1-2/3");
  private static final List<String> DIGESTS =
      List.of("sha256:" + "0a".repeat(32), "sha512:" + "f9".repeat(64));
  private static final List<String> LOCATIONS = List.of(
      "https://a.example/x?y#z", "../x", "//b/x", "https://[::1]:80/x", "https://u@h/", "file:/x");
  private static final List<String> RECORDS = List.of(
      new PartRecord("http://h/x", new Validator("\"v1\"", java.util.OptionalLong.of(7))).encode());

  private static Stream<byte[]> bytes(List<String> texts) {
    return texts.stream().map(text -> text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  static Stream<byte[]> ranges() {
    return bytes(RANGES);
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void ranges(byte[] input) {
    ContentRange.parse(text(input)).ifPresent(range -> {
      assertThat(range.first()).isBetween(-1L, range.last());
      assertThat(range.last()).isLessThan(range.total().orElse(Long.MAX_VALUE));
    });
  }

  static Stream<byte[]> digests() {
    return bytes(DIGESTS);
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void digests(byte[] input) {
    try {
      Digest digest = Digest.parse(text(input));
      assertThat(digest).hasToString(text(input));
      assertThat(Digest.ofFileName(digest.fileName())).isEqualTo(digest);
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
    }
  }

  static Stream<byte[]> locations() {
    return bytes(LOCATIONS);
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void locations(byte[] input) {
    try {
      URI next = UriRules.next(FROM, text(input));
      assertThat(next.getScheme()).isEqualToIgnoringCase("https");
      assertThat(next.getHost()).isNotEmpty();
      assertThat(next.getRawAuthority()).doesNotContain("@");
    } catch (N0Exception e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
    }
  }

  static Stream<byte[]> records() {
    return bytes(RECORDS);
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void records(byte[] input) {
    PartRecord.decode(text(input))
        .ifPresent(record -> assertThat(record.encode()).isEqualTo(text(input)));
  }

  static Stream<byte[]> gzips() {
    return Stream.of(
        Compressed.gzip(new byte[3]),
        Compressed.joined(Compressed.gzip(new byte[300]), Compressed.gzip(Contents.random(30))));
  }

  /** What this takes, the JDK must take, and for the same content. */
  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void gzips(byte[] input) throws IOException {
    byte[] content;
    try (GzipInput in = new GzipInput(new ByteArrayInputStream(input))) {
      content = in.readNBytes(1 << 20);
    } catch (IOException e) {
      return;
    }
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(input))) {
      assertThat(in.readNBytes(1 << 20)).isEqualTo(content);
    }
  }

  @Test
  void mutationsHarmNoParser() {
    mutate(RANGES, this::ranges);
    mutate(DIGESTS, this::digests);
    mutate(LOCATIONS, this::locations);
    mutate(RECORDS, this::records);
    mutated(gzips().toList(), bytes -> {
      try {
        gzips(bytes);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    });
  }

  private static void mutate(List<String> texts, Consumer<byte[]> parser) {
    mutated(bytes(texts).toList(), parser);
  }

  private static void mutated(List<byte[]> sound, Consumer<byte[]> parser) {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < ROUNDS; i++) {
      byte[] bytes = sound.get(random.nextInt(sound.size())).clone();
      for (int change = random.nextInt(3); change >= 0; change--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      byte[] input =
          random.nextInt(4) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length + 3)) : bytes;
      try {
        parser.accept(input);
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed + " round " + i, e);
      }
    }
  }
}
