package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reads images of 1 TiB in a heap of 8 MiB. */
@Requires(Requirement.QEMU)
class LargeImageIT {
  private static final long SIZE = 1L << 40;

  @TempDir
  Path directory;

  @Test
  void anImageOfOneTebibyteIsInspectedAndMappedInEightMebibytes() {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, SIZE);
    List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
    for (long at = 0; at < SIZE - (1 << 20); at += SIZE / 150) {
      command.addAll(List.of("-c", "write " + at / 512 * 512 + " 100k"));
    }
    command.add(image.toString());
    Images.run(command);
    for (int i = 0; i < 5; i++) {
      Images.qemuImg("snapshot", "-c", "s" + i, image);
    }

    // What either reads changes where lseek(2) sees holes, see QemuSays.requireSameMap.
    Images.qemuImg("map", "-f", "qcow2", "--output=json", image);
    assertThat(said(image)).startsWith(SIZE + " 5 ");
    List<QemuSays.Line> lines =
        QemuSays.linesOf(Images.qemuImg("map", "-f", "qcow2", "--output=json", image));
    long data = lines.stream()
        .filter(QemuSays.Line::data)
        .mapToLong(QemuSays.Line::length)
        .sum();
    assertThat(said(image)).isEqualTo(SIZE + " 5 " + lines.size() + " " + SIZE + " " + data);
  }

  @Test
  void aPreallocatedImageOfOneTebibyteIsMappedInEightMebibytes() {
    Path image = directory.resolve("image.qcow2");
    Images.qemuImg(
        "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M,preallocation=metadata", image, SIZE);

    int extents = QemuSays.linesOf(Images.qemuImg("map", "-f", "qcow2", "--output=json", image))
        .size();
    assertThat(said(image)).isEqualTo(SIZE + " 0 " + extents + " " + SIZE + " " + SIZE);
  }

  @Test
  void aMapOfMillionsOfExtentsIsStreamed() throws IOException {
    Path image = directory.resolve("image.qcow2");
    int cluster = 64 << 10;
    try (FileChannel file =
        FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      ByteBuffer header = HandMade.image().limit(512);
      header.putInt(20, 16).putLong(24, SIZE).putInt(36, 2048);
      file.write(header.putLong(40, 2L * cluster).putLong(48, cluster), 0);
      // Each L1 entry leads to the same table, of which each second entry is zeros.
      ByteBuffer l1 = ByteBuffer.allocate(2048 * 8);
      ByteBuffer l2 = ByteBuffer.allocate(cluster);
      while (l1.hasRemaining()) {
        l1.putLong(3L * cluster);
      }
      while (l2.hasRemaining()) {
        l2.putLong(4L * cluster).putLong(1);
      }
      file.write(l1.flip(), 2L * cluster);
      file.write(l2.flip(), 3L * cluster);
      file.write(ByteBuffer.allocate(cluster), 4L * cluster);
    }

    assertThat(said(image)).isEqualTo(SIZE + " 0 " + SIZE / cluster + " " + SIZE + " " + SIZE / 2);
  }

  private static String said(Path image) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    return Images.run(List.of(
            java,
            "-Xmx8m",
            "-XX:+UseSerialGC",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Images.classPath(),
            LargeImage.class.getName(),
            image.toString()))
        .strip();
  }
}
