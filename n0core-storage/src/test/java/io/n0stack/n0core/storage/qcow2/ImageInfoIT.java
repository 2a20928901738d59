package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Requires(Requirement.QEMU)
class ImageInfoIT {
  private static final int MATRIX = Repetition.of(50);
  private static final String[] SECRET = {"--object", "secret,id=s,data=x"};

  @TempDir
  Path directory;

  @Test
  void saysWhatQemuImgSaysOverTheMatrixOfOptions() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < MATRIX; i++) {
      String options = options(random);
      long size = 512L * random.nextInt(1 << 18);
      Path image = directory.resolve("image.qcow2");
      Images.qemuImg("create", "-q", "-f", "qcow2", "-o", options, image, size);
      if (random.nextInt(4) == 0) {
        // With reference counts of one bit there is no snapshot of what is preallocated.
        QemuSays.exitOf(List.of("qemu-img", "snapshot", "-c", "before é", image.toString()));
        QemuSays.exitOf(List.of("qemu-img", "snapshot", "-c", "after", image.toString()));
      }
      if (random.nextInt(4) == 0 && !options.contains("0.10")) {
        Images.qemuImg("bitmap", "--add", "-g", 1 << (9 + random.nextInt(20)), image, "backup");
      }

      QemuSays.requireSameInfo(
          image, ImageFormat.QCOW2, "seed " + seed + " round " + i + " " + options + " " + size);
      assertThat(ImageGate.standard().allowingLuks().inspectLayer(image, ImageFormat.QCOW2))
          .as("seed %s round %s", seed, i)
          .isNotNull();
      Files.delete(image);
    }
  }

  /** Picks options that go together. */
  static String options(Random random) {
    int clusterBits = 9 + random.nextInt(13);
    List<String> options = new ArrayList<>(List.of("cluster_size=" + (1 << clusterBits)));
    if (random.nextInt(5) == 0) {
      options.add("compat=0.10");
    } else {
      boolean extended = clusterBits >= 14 && random.nextInt(3) == 0;
      options.add("refcount_bits=" + (1 << random.nextInt(7)));
      options.add("lazy_refcounts=" + (random.nextBoolean() ? "on" : "off"));
      options.add("extended_l2=" + (extended ? "on" : "off"));
      options.add("compression_type=" + (random.nextBoolean() ? "zstd" : "zlib"));
    }
    if (random.nextInt(4) == 0) {
      options.add("preallocation=metadata");
    }
    if (random.nextInt(8) == 0) {
      options.set(1, "compat=1.1");
      options.add("refcount_bits=1");
    }
    return String.join(",", options);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 511, 512, 1000, 100_001})
  void saysWhatQemuImgSaysOfRawFiles(int length) throws IOException {
    Path image = Files.write(directory.resolve("image.raw"), new byte[length]);

    QemuSays.requireSameInfo(image, ImageFormat.RAW, "raw");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "encrypt.format=luks",
        "encrypt.format=luks,encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,"
            + "encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256,encrypt.hash-alg=sha512",
        "encrypt.format=luks,encrypt.cipher-alg=serpent-256,cluster_size=512"
      })
  void saysWhatQemuImgSaysOfLuks(String options) {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg(
        "create",
        "-q",
        "-f",
        "qcow2",
        SECRET[0],
        SECRET[1],
        "-o",
        options + ",encrypt.key-secret=s,encrypt.iter-time=10",
        image,
        "1M");

    QemuSays.requireSameInfo(image, ImageFormat.QCOW2, options);
    assertThat(ImageGate.standard()
            .allowingLuks()
            .inspect(image, ImageFormat.QCOW2)
            .sizeBytes())
        .isEqualTo(1 << 20);
  }

  @Test
  void saysWhatQemuImgSaysOfDataFilesAndBackingFiles() {
    Path base = directory.resolve("a base, with: odd name é.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", base, "10M");
    Path top = directory.resolve("top.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top);
    QemuSays.requireSameInfo(top, ImageFormat.QCOW2, "backing file");
    Images.qemuImg("rebase", "-u", "-f", "qcow2", "-b", "", top);
    QemuSays.requireSameInfo(top, ImageFormat.QCOW2, "no backing file any more");
    for (String raw : List.of("on", "off")) {
      Path image = directory.resolve(raw + ".qcow2");
      String data = "data_file=" + directory.resolve("data-" + raw) + ",data_file_raw=" + raw;
      Images.qemuImg("create", "-q", "-f", "qcow2", "-o", data, image, "1M");
      QemuSays.requireSameInfo(image, ImageFormat.QCOW2, data);
    }
  }

  @Test
  void saysWhatQemuImgSaysOfManySnapshotsAndBitmaps() {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-o", "cluster_size=512", image, "1M");
    for (int i = 0; i < 30; i++) {
      Images.qemuImg("snapshot", "-c", "s".repeat(1 + i * 7), image);
      Images.qemuImg("bitmap", "--add", "-g", 1 << (9 + i % 22), image, "b".repeat(1 + i * 30));
    }
    Images.qemuImg("bitmap", "--disable", image, "b");
    Images.qemuImg("snapshot", "-d", "s".repeat(8), image);

    QemuSays.requireSameInfo(image, ImageFormat.QCOW2, "many");
    assertThat(Qcow2Bitmap.list(image)).hasSize(30);
    assertThat(Qcow2Bitmap.list(image).get(0).flags()).isEmpty();
    assertThat(Qcow2Snapshot.list(image)).hasSize(29).allSatisfy(snapshot -> {
      assertThat(snapshot.diskBytes()).isEqualTo(1 << 20);
      assertThat(snapshot.l1Size()).isPositive();
    });
  }

  @Test
  void saysWhatQemuImgSaysOfBitmapsThatWereLost() throws IOException {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, "1M");
    Images.qemuImg("bitmap", "--add", image, "backup");
    patch(image, 88, 0); // as a program does that does not know bitmaps

    // qemu-img prints a warning before what it says.
    String said = Images.qemuImg("info", "-f", "qcow2", "--output=json", image);
    assertThat(QemuSays.parsed(said.substring(said.indexOf('{'))).toString())
        .doesNotContain("bitmaps");
    assertThat(Qcow2Bitmap.list(image)).isEmpty();
    assertThat(Qcow2Header.read(image).extensions())
        .anyMatch(Qcow2Extension.Bitmaps.class::isInstance);
  }

  @Test
  void saysWhatQemuImgSaysOfFlags() throws IOException {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, "1M");
    for (int bits = 0; bits < 4; bits++) {
      patch(image, 72, bits); // dirty and corrupt
      QemuSays.requireSameInfo(image, ImageFormat.QCOW2, "incompatible features " + bits);
    }
  }

  @Test
  void namesTheFeaturesAsTheWriterDid() {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, "1M");

    assertThat(Qcow2Header.read(image).featureNames())
        .contains(
            new Qcow2Extension.FeatureName(0, 0, "dirty bit"),
            new Qcow2Extension.FeatureName(0, 1, "corrupt bit"),
            new Qcow2Extension.FeatureName(1, 0, "lazy refcounts"),
            new Qcow2Extension.FeatureName(2, 0, "bitmaps"));
  }

  private static void patch(Path image, long at, long value) throws IOException {
    try (FileChannel file = FileChannel.open(image, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.allocate(8).putLong(0, value), at);
    }
  }
}
