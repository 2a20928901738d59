package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageSource.Compression;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

class CompressionTest {
  private static final byte[] CONTENT = content();

  @TempDir
  Path directory;

  private final ImageFetcher fetcher = ImageFetcher.standard();

  private static byte[] content() {
    byte[] content = new byte[1_500_001];
    byte[] noise = Contents.random(500_000);
    System.arraycopy(noise, 0, content, 700_000, noise.length);
    return content;
  }

  @AfterEach
  void close() {
    fetcher.close();
  }

  private Path target() {
    return directory.resolve("image");
  }

  private static ContentRules.Builder rules(Compression compression, byte[] bytes) {
    return ContentRules.builder().digest(Contents.sha256(bytes)).compression(compression);
  }

  private Fetched take(ContentRules rules, byte[] bytes) {
    return fetcher.importFrom(new ByteArrayInputStream(bytes), rules, target(), FetchListener.NONE);
  }

  private void refused(ContentRules rules, byte[] bytes, String words) throws IOException {
    Contents.refused(N0Exception.Code.INVALID, words, () -> take(rules, bytes));
    assertThat(Contents.left(directory)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void contentIsPublishedAndTheDigestIsOfTheCompressedBytes(Compression compression)
      throws IOException {
    byte[] bytes = Compressed.by(compression, CONTENT);
    try (RawServer server = RawServer.serving(bytes)) {
      ContentRules rules =
          rules(compression, bytes).contentDigest(Contents.sha256(CONTENT)).build();

      Fetched fetched = fetcher.fetch(Contents.request(server, rules), target());

      assertThat(target()).hasBinaryContent(CONTENT);
      assertThat(fetched.sizeBytes()).isEqualTo(CONTENT.length);
      assertThat(fetched.receivedBytes()).isEqualTo(bytes.length);
      assertThat(fetched.digests()).containsExactly(Contents.sha256(bytes));
      assertThat(fetched.contentSha256()).isEqualTo(Contents.sha256(CONTENT));
      assertThat(Contents.left(directory)).containsExactly("image");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aWrongDigestOfEitherIsRefused(Compression compression) throws IOException {
    byte[] bytes = Compressed.by(compression, CONTENT);

    refused(rules(compression, CONTENT).build(), bytes, "source.digest");
    refused(
        rules(compression, bytes).contentDigest(Contents.sha256(bytes)).build(),
        bytes,
        "source.contentDigest");
  }

  @ParameterizedTest
  @EnumSource
  void whatIsCutOffIsRefusedWhereverItIsCut(Compression compression) throws IOException {
    byte[] bytes = Compressed.by(compression, CONTENT);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 16; i++) {
      int length = i < 8 ? i : random.nextInt(bytes.length);
      byte[] cut = Arrays.copyOf(bytes, length);
      if (length == 0 && compression == Compression.ZSTD) {
        continue; // no frame at all is an empty file
      }
      refused(rules(compression, cut).build(), cut, "source.compression");
    }
    byte[] almost = Arrays.copyOf(bytes, bytes.length - 1);
    refused(rules(compression, almost).build(), almost, "source.compression");
  }

  @ParameterizedTest
  @EnumSource
  void severalMembersAreOneContentAndGarbageBehindThemIsRefused(Compression compression)
      throws IOException {
    byte[] first = Arrays.copyOf(CONTENT, 800_000);
    byte[] second = Arrays.copyOfRange(CONTENT, 800_000, CONTENT.length);
    byte[] both =
        Compressed.joined(Compressed.by(compression, first), Compressed.by(compression, second));

    take(rules(compression, both).build(), both);

    assertThat(target()).hasBinaryContent(CONTENT);
    Files.delete(target());
    byte[] garbage = Compressed.joined(both, new byte[] {1, 2, 3, 4, 5, 6, 7});
    refused(rules(compression, garbage).build(), garbage, "source.compression");
    byte[] plain = Contents.random(1000);
    refused(rules(compression, plain).build(), plain, "source.compression");
  }

  @ParameterizedTest
  @EnumSource
  void aFlippedBitIsRefusedEvenWithoutADigestOfTheBytes(Compression compression)
      throws IOException {
    byte[] bytes = Compressed.by(compression, CONTENT);
    Random random = new Random(5);
    for (int i = 0; i < 12; i++) {
      byte[] flipped = bytes.clone();
      flipped[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      ContentRules rules = ContentRules.builder()
          .compression(compression)
          .contentDigest(Contents.sha256(CONTENT))
          .build();
      try {
        take(rules, flipped);
        assertThat(target()).hasBinaryContent(CONTENT); // a bit that says nothing, such as a time
        Files.delete(target());
      } catch (N0Exception e) {
        assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
        assertThat(Contents.left(directory)).isEmpty();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aBombEndsAtTheLimit(Compression compression) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = Compressed.encoder(compression, bytes)) {
      byte[] zeroes = new byte[1 << 20];
      for (int i = 0; i < 32; i++) {
        out.write(zeroes);
      }
    }
    byte[] bomb = bytes.toByteArray();
    assertThat(bomb).hasSizeLessThan(1 << 18);

    refused(rules(compression, bomb).maxContentBytes(24 << 20).build(), bomb, "source.contentSize");

    take(rules(compression, bomb).maxContentBytes(32 << 20).build(), bomb);
    assertThat(target()).hasSize(32 << 20);
  }

  @Test
  void aDictionaryThatTakesTooMuchMemoryIsRefused() throws IOException {
    ByteArrayOutputStream xz = new ByteArrayOutputStream();
    LZMA2Options large = new LZMA2Options(1);
    large.setDictSize(64 << 20);
    try (OutputStream out = new XZOutputStream(xz, large)) {
      out.write(CONTENT);
    }
    ByteArrayOutputStream zstd = new ByteArrayOutputStream();
    try (ZstdOutputStreamNoFinalizer out = new ZstdOutputStreamNoFinalizer(zstd, 3)) {
      out.setLong(27);
      out.write(CONTENT);
    }
    refusedOrTaken(Compression.XZ, xz.toByteArray(), 32 << 20, 128 << 20);
    refusedOrTaken(Compression.ZSTD, zstd.toByteArray(), 64 << 20, 128 << 20);
  }

  private void refusedOrTaken(Compression compression, byte[] bytes, long little, long enough)
      throws IOException {
    refused(rules(compression, bytes).maxDecoderBytes(little).build(), bytes, "source.compression");
    take(rules(compression, bytes).maxDecoderBytes(enough).build(), bytes);
    assertThat(target()).hasBinaryContent(CONTENT);
    Files.delete(target());
  }

  @Test
  void gzipHeadersMayHoldNamesCommentsAndMore() throws IOException {
    byte[] gzip = Compressed.gzip(CONTENT);
    byte[] body = Arrays.copyOfRange(gzip, 10, gzip.length);
    byte[] head = {
      0x1f, (byte) 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 3, 2, 0, 7, 7, 'a', 0, 'b', 'c', 0, 1, 2
    };
    byte[] all = Compressed.joined(head, body);

    take(rules(Compression.GZIP, all).build(), all);

    assertThat(target()).hasBinaryContent(CONTENT);
    Files.delete(target());
    all[3] |= (byte) 0x80;
    refused(rules(Compression.GZIP, all).build(), all, "source.compression");
  }

  @Test
  void theRealToolsAreUnderstood() throws Exception {
    for (String[] tool : new String[][] {{"gzip", "GZIP"}, {"xz", "XZ"}, {"zstd", "ZSTD"}}) {
      if (!Files.isExecutable(Path.of("/usr/bin", tool[0]))) {
        continue;
      }
      Path plain = Files.write(directory.resolve("plain"), CONTENT);
      Process process = new ProcessBuilder(tool[0], "-c", "-9", plain.toString()).start();
      byte[] bytes = process.getInputStream().readAllBytes();
      assertThat(process.waitFor()).isZero();

      take(rules(Compression.valueOf(tool[1]), bytes).build(), bytes);

      assertThat(target()).hasBinaryContent(CONTENT);
      Files.delete(target());
    }
  }
}
