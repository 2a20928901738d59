package io.n0stack.n0core.storage.seed;

import static io.n0stack.n0core.storage.seed.Seeds.assertRefused;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_16BE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.Charset;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IsoImageTest {
  private static final int SECTOR = 2048;
  private static final Instant TIME = Instant.parse("2026-01-02T03:04:05Z");
  private static final IsoImage SMALL = IsoImage.labelled("cidata")
      .withTime(TIME)
      .withFile("user-data", "#cloud-config\n".getBytes(UTF_8))
      .withFile("meta-data", "{}\n".getBytes(UTF_8));

  @Test
  void theBytesAreAlwaysTheSame() throws NoSuchAlgorithmException {
    byte[] image = SMALL.toBytes();

    // What Linux, isoinfo and xorriso were seen to read.
    assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(image)))
        .isEqualTo("042ec0b46ee388cfa146777d6a7cad8b013346d021013d53cb2a8a47629ab296");
    assertThat(image).hasSize(64 << 10);
    assertThat(SMALL.toString()).isEqualTo("ISO image \"cidata\" of [meta-data, user-data]");
  }

  @Test
  void theOrderInWhichFilesAreAddedDoesNotMatter() {
    IsoImage other = IsoImage.labelled("cidata")
        .withFile("meta-data", "{}\n".getBytes(UTF_8))
        .withFile("user-data", "#cloud-config\n".getBytes(UTF_8))
        .withTime(TIME.plusMillis(999));

    assertThat(other.toBytes()).isEqualTo(SMALL.toBytes());
  }

  @Test
  void aChannelGetsTheSameBytes() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();

    SMALL.writeTo(Channels.newChannel(out));

    assertThat(out.toByteArray()).isEqualTo(SMALL.toBytes());
  }

  @Test
  void theDescriptorsAreAsTheStandardsHaveThem() {
    ByteBuffer image = ByteBuffer.wrap(SMALL.toBytes());

    assertThat(text(image, 16 * SECTOR, 6, US_ASCII)).isEqualTo("\1CD001");
    assertThat(text(image, 16 * SECTOR + 40, 32, US_ASCII)).isEqualTo("cidata" + " ".repeat(26));
    assertThat(text(image, 16 * SECTOR + 813, 17, US_ASCII)).isEqualTo("2026010203040500\0");
    assertThat(text(image, 17 * SECTOR, 6, US_ASCII)).isEqualTo("\2CD001");
    assertThat(text(image, 17 * SECTOR + 40, 32, UTF_16BE)).isEqualTo("cidata" + " ".repeat(10));
    assertThat(text(image, 17 * SECTOR + 88, 3, US_ASCII)).isEqualTo("%/E");
    assertThat(text(image, 18 * SECTOR, 6, UTF_8)).isEqualTo("\uFFFDCD001");
    for (int descriptor : List.of(16, 17)) {
      assertThat(both32(image, descriptor * SECTOR + 80)).isEqualTo(image.limit() / SECTOR);
      assertThat(both32(image, descriptor * SECTOR + 132)).isEqualTo(10);
    }
  }

  @Test
  void aThousandFilesWithLikeNamesHaveDifferentShortNames() {
    IsoImage image = IsoImage.labelled("many");
    for (int i = 0; i < 1000; i++) {
      image = image.withFile("network-config-" + i, ("file " + i).getBytes(UTF_8));
    }

    ByteBuffer bytes = ByteBuffer.wrap(image.toBytes());

    assertThat(List.copyOf(tree(bytes, 16, US_ASCII).keySet()))
        .hasSize(1000)
        .allMatch(name -> name.matches("NETW[A-Z0-9_]{4}\\.;1"))
        .isSorted();
    Map<String, String> joliet = tree(bytes, 17, UTF_16BE);
    assertThat(List.copyOf(joliet.keySet())).hasSize(1000).isSorted();
    assertThat(joliet).containsEntry("network-config-777", "file 777");
    assertRefused(manyAnd(image), "files", "must be 1 to 1000");
  }

  private static ThrowingCallable manyAnd(IsoImage image) {
    return () -> image.withFile("one more", new byte[0]);
  }

  @Test
  void anImageWithoutFilesIsOne() {
    assertThat(tree(ByteBuffer.wrap(IsoImage.labelled("none").toBytes()), 16, US_ASCII))
        .isEmpty();
  }

  @Test
  void allFilesLieWithinTheImageWhateverTheirSizes() {
    for (int sectors = 0; sectors < 40; sectors++) {
      IsoImage image = IsoImage.labelled("sizes")
          .withFile("a", new byte[sectors * SECTOR])
          .withFile("z", new byte[0]);

      ByteBuffer bytes = ByteBuffer.wrap(image.toBytes());

      assertThat(tree(bytes, 16, US_ASCII)).hasSize(2).containsEntry("Z.;1", "");
      assertThat(bytes.limit() % (64 << 10)).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", ".", "..", "a/b", "a\\b", "a:b", "a;1", "a*", "a?", "a\0", "a\n", "a.", "\ud800"
      })
  void aNameThatSomeReaderCannotHaveIsRefused(String name) {
    assertRefused(() -> SMALL.withFile(name, new byte[0]), "file", "must be 1 to 64 characters");
  }

  @Test
  void namesFitIntoTheirRecords() {
    assertRefused(() -> SMALL.withFile("a".repeat(65), new byte[0]), "file", "64 characters");
    assertRefused(() -> SMALL.withFile("€".repeat(43), new byte[0]), "file", "128 bytes");
    assertThat(tree(
            ByteBuffer.wrap(SMALL.withFile("€".repeat(42), new byte[0]).toBytes()), 17, UTF_16BE))
        .containsKey("€".repeat(42));
    assertRefused(() -> SMALL.withFile("user-data", new byte[0]), "file", "twice");
  }

  @Test
  void labelsAndTimesThatDoNotFitAreRefused() {
    assertRefused(() -> IsoImage.labelled(""), "label", "1 to 16");
    assertRefused(() -> IsoImage.labelled("a".repeat(17)), "label", "1 to 16");
    assertRefused(() -> IsoImage.labelled("ä"), "label", "A-Z");
    assertRefused(() -> SMALL.withTime(Instant.parse("1969-12-31T23:59:59Z")), "time", "1970");
    assertRefused(() -> SMALL.withTime(Instant.parse("2156-01-01T00:00:00Z")), "time", "2155");
    assertThat(SMALL.withTime(Instant.parse("2155-12-31T23:59:59Z")).toBytes()).isNotEmpty();
  }

  /** Reads a tree as ECMA-119 has it: names and contents in the order of the directory. */
  private static Map<String, String> tree(ByteBuffer image, int descriptor, Charset names) {
    int root = descriptor * SECTOR + 156;
    int begin = both32(image, root + 2) * SECTOR;
    int end = begin + both32(image, root + 10);
    List<Integer> records = new ArrayList<>();
    for (int at = begin; at < end; ) {
      int length = image.get(at) & 0xff;
      if (length > 0) {
        assertThat(at / SECTOR).as("in one sector").isEqualTo((at + length - 1) / SECTOR);
        records.add(at);
      }
      at = length > 0 ? at + length : (at / SECTOR + 1) * SECTOR;
    }
    Map<String, String> files = new LinkedHashMap<>();
    for (int at : records.subList(2, records.size())) {
      int content = both32(image, at + 2);
      assertThat(content).isLessThan(image.limit() / SECTOR);
      files.put(
          text(image, at + 33, image.get(at + 32), names),
          text(image, content * SECTOR, both32(image, at + 10), UTF_8));
    }
    return files;
  }

  private static String text(ByteBuffer image, int at, int length, Charset charset) {
    byte[] bytes = new byte[length];
    image.get(at, bytes);
    return new String(bytes, charset);
  }

  private static int both32(ByteBuffer image, int at) {
    int little = image.order(ByteOrder.LITTLE_ENDIAN).getInt(at);
    assertThat(image.order(ByteOrder.BIG_ENDIAN).getInt(at + 4)).isEqualTo(little);
    return little;
  }
}
