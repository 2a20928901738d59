package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Requires(Requirement.QEMU)
class ImageMapIT {
  private static final int IMAGES = Repetition.of(30);
  private static final int CHAINS = Repetition.of(10);

  @TempDir
  Path directory;

  @Test
  void mapsAsQemuImgDoesOverTheMatrixOfOptions() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < IMAGES; i++) {
      Path image = directory.resolve("image.qcow2");
      String options = ImageInfoIT.options(random);
      long size = 512L * (1 + random.nextInt(random.nextBoolean() ? 300 : 60_000));
      Images.qemuImg("create", "-q", "-f", "qcow2", "-o", options, image, size);
      fill(image, ImageFormat.QCOW2, size, random);
      String what = "seed " + seed + " round " + i + " " + options + " " + size;

      QemuSays.requireSameMap(image, ImageFormat.QCOW2, what);
      // With reference counts of one bit there is no snapshot of what has data.
      List<String> snapshot = List.of("qemu-img", "snapshot", "-c", "before", image.toString());
      if (random.nextInt(4) == 0 && QemuSays.exitOf(snapshot) == 0) {
        fill(image, ImageFormat.QCOW2, size, random);
        QemuSays.requireSameMap(image, ImageFormat.QCOW2, what);
      }
      Files.delete(image);
    }
  }

  @Test
  void mapsChainsAsQemuImgDoes() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < CHAINS; i++) {
      Path below = directory.resolve("0");
      ImageFormat format = random.nextBoolean() ? ImageFormat.RAW : ImageFormat.QCOW2;
      make(below, format, random, List.of());
      int depth = 1 + random.nextInt(3);
      for (int d = 1; d <= depth; d++) {
        Path image = directory.resolve(String.valueOf(d));
        List<Object> backing =
            List.of("-b", random.nextBoolean() ? below : below.getFileName(), "-F", name(format));
        format = ImageFormat.QCOW2;
        make(image, format, random, backing);
        below = image;
      }

      QemuSays.requireSameMap(below, ImageFormat.QCOW2, "seed " + seed + " round " + i);
      for (int d = 0; d <= depth; d++) {
        Files.delete(directory.resolve(String.valueOf(d)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 511, 512, 1000, 100_001, 10_000_000})
  void mapsRawFilesAsQemuImgDoes(int length) throws IOException {
    Path image = directory.resolve("image.raw");
    Files.write(image, new byte[Math.min(length, 50_000)]);
    Images.run(List.of("truncate", "-s", String.valueOf(length), image.toString()));

    QemuSays.requireSameMap(image, ImageFormat.RAW, "raw");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 8, 20, 40})
  void looksForHolesInAsFewPreallocatedClustersAsQemuImgDoes(int clusters) {
    Path image = directory.resolve("image.qcow2");
    String options = "cluster_size=64k,preallocation=metadata";
    Images.qemuImg("create", "-q", "-f", "qcow2", "-o", options, image, clusters * (64L << 10));

    QemuSays.requireSameMap(image, ImageFormat.QCOW2, options);
  }

  @Test
  void mapsEncryptedImagesAsQemuImgDoes() {
    Path image = directory.resolve("image.qcow2");
    String secret = "secret,id=s,data=x";
    String options = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    Images.qemuImg("create", "-q", "-f", "qcow2", "--object", secret, "-o", options, image, "8M");
    String opened = "driver=qcow2,encrypt.key-secret=s,file.filename=" + image;
    Images.run(List.of(
        "qemu-io",
        "--object",
        secret,
        "--image-opts",
        opened,
        "-c",
        "write 1M 1M",
        "-c",
        "write -z 4M 1M",
        "-c",
        "discard 1536k 128k"));

    String said =
        Images.qemuImg("map", "--object", secret, "--image-opts", opened, "--output=json");
    try (ImageMap map = ImageMap.openLayer(image, ImageFormat.QCOW2)) {
      assertThat(QemuSays.linesOf(map)).isEqualTo(QemuSays.linesOf(said));
    }
  }

  @Test
  void mapsImagesWithDataFilesWithoutOpeningThem() throws IOException {
    Path image = directory.resolve("image.qcow2");
    Path data = directory.resolve("data");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-o", "data_file=" + data, image, "8M");
    Images.run(List.of(
        "qemu-io", "-f", "qcow2", "-c", "write 0 1M", "-c", "write 4M 64k", image.toString()));
    String said = Images.qemuImg("map", "-f", "qcow2", "--output=json", image);
    Files.delete(data);

    try (ImageMap map = ImageMap.openLayer(image, ImageFormat.QCOW2)) {
      assertThat(QemuSays.linesOf(map)).isEqualTo(QemuSays.linesOf(said));
    }
  }

  @Test
  void aLayerAloneLeavesOpenWhatItsBackingFileDecides() {
    Path base = directory.resolve("base.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", base, "1M");
    Images.run(List.of("qemu-io", "-f", "qcow2", "-c", "write 0 1M", base.toString()));
    Path top = directory.resolve("top.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top);

    try (ImageMap map = ImageMap.openLayer(top, ImageFormat.QCOW2)) {
      assertThat(map.sizeBytes()).isEqualTo(1 << 20);
      assertThat(map.next()).hasValueSatisfying(extent -> {
        assertThat(extent.kind()).isEqualTo(ImageExtent.Kind.UNALLOCATED);
        assertThat(extent.length()).isEqualTo(1 << 20);
      });
      assertThat(map.next()).isEmpty();
      assertThat(map.next()).isEmpty();
    }
  }

  private static void make(Path image, ImageFormat format, Random random, List<Object> backing) {
    long size = 512L * (1 + random.nextInt(20_000));
    List<Object> command = new ArrayList<>(List.of("create", "-q", "-f", name(format)));
    if (format == ImageFormat.QCOW2) {
      String options = ImageInfoIT.options(random);
      // A preallocated overlay is another matter, and QEMU wants subclusters for it.
      boolean extended = options.contains("extended_l2=on");
      command.addAll(
          List.of("-o", extended ? options : options.replace(",preallocation=metadata", "")));
    }
    command.addAll(backing);
    command.addAll(List.of(image, size));
    Images.qemuImg(command.toArray());
    fill(image, format, size, random);
  }

  /** Writes, zeroes and discards at random, also within clusters. */
  private static void fill(Path image, ImageFormat format, long size, Random random) {
    List<String> command = new ArrayList<>(List.of("qemu-io", "-f", name(format)));
    int cluster = format == ImageFormat.RAW ? 65536 : Qcow2Header.read(image).clusterSizeBytes();
    for (int i = 0; i < 25; i++) {
      long at = random.nextInt((int) (size / 512)) * 512L;
      long length = Math.min(size - at, 512L * (1 + random.nextInt(400)));
      String range = at + " " + length;
      long whole = at / cluster * cluster;
      String operation = switch (random.nextInt(6)) {
        case 0 -> "write -z " + range;
        case 1 -> "write -z -u " + range;
        case 2 -> "discard " + range;
        case 3 ->
          format == ImageFormat.RAW || whole + cluster > size || cluster > 65536
              ? "write " + range
              : "write -c " + whole + " " + cluster;
        default -> "write " + range;
      };
      command.addAll(List.of("-c", operation));
    }
    command.add(image.toString());
    // A compressed write onto what is allocated is refused, which is as good.
    QemuSays.exitOf(command);
  }

  private static String name(ImageFormat format) {
    return format.name().toLowerCase(Locale.ROOT);
  }
}
