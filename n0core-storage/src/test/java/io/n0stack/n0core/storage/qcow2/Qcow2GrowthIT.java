package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class Qcow2GrowthIT {
  private static final long MIB = 1 << 20;
  private static final String[] OPTIONS = {
    "cluster_size=64k",
    "cluster_size=512",
    "cluster_size=4k,refcount_bits=1",
    "cluster_size=2M,refcount_bits=64",
    "extended_l2=on,cluster_size=16k",
    "lazy_refcounts=on,compression_type=zstd",
    "preallocation=metadata"
  };

  @TempDir
  Path directory;

  @Test
  void imagesOfQemuWithDataGrowAndCanBeUsedOn() throws IOException {
    Batch batch = new Batch(directory);
    for (int i = 0; i < OPTIONS.length; i++) {
      Path image = used(OPTIONS[i], "used" + i);
      Path resized = Files.copy(image, directory.resolve("resized" + i));
      long size = 2 * MIB - 512;

      assertThat(grow(image, size)).as(OPTIONS[i]).isEmpty();

      Images.qemuImg("resize", "-q", "-f", "qcow2", resized, size);
      assertThat(Qcow2Header.read(image).sizeBytes()).isEqualTo(size);
      assertThat(Qcow2Header.read(image).l1Size())
          .isEqualTo(Qcow2Header.read(resized).l1Size());
      batch.add("qemu-img check -q -f qcow2 " + image + " && qemu-img compare -q -f qcow2 -F qcow2 "
          + image + " " + resized + " && qemu-io -f qcow2 -c 'read -P 17 300k 100k'"
          + " -c 'read -P 0 1M 1048064' -c 'write -P 18 1100k 900k' -c 'read -P 18 1100k 900k'"
          + " -c 'read -P 17 300k 100k' " + image + " && qemu-img check -q -f qcow2 " + image
          + "; echo $?");
    }

    assertThat(batch.run())
        .allSatisfy(result -> assertThat(result).endsWith("\n0\n").doesNotContain("fail"));
  }

  @Test
  void snapshotsKeepTheirSizeAndContent() throws IOException {
    for (String options : new String[] {"cluster_size=64k", "cluster_size=4k"}) {
      Path image = used(options, "snapshots" + options.hashCode());
      Images.qemuImg("snapshot", "-c", "before", image);

      assertThat(grow(image, 2 * MIB)).isEmpty();

      qemuIo(image, "write -P 19 300k 100k", "write -P 19 1500k 100k");
      Images.qemuImg("snapshot", "-c", "after", image);
      Images.qemuImg("check", "-f", "qcow2", image);
      Images.qemuImg("snapshot", "-a", "before", image);
      assertThat(Qcow2Header.read(image).sizeBytes()).isEqualTo(MIB);
      qemuIo(image, "read -P 17 300k 100k");
      Images.qemuImg("check", "-f", "qcow2", image);
      Images.qemuImg("snapshot", "-a", "after", image);
      assertThat(Qcow2Header.read(image).sizeBytes()).isEqualTo(2 * MIB);
      qemuIo(image, "read -P 19 300k 100k", "read -P 19 1500k 100k", "read -P 0 1M 400k");
      Images.qemuImg("check", "-f", "qcow2", image);
    }
  }

  @Test
  void aGrownCloneReadsItsBaseAsBeforeAndZerosBehind() throws IOException {
    Path base = used("cluster_size=64k", "base");
    Path clone = directory.resolve("clone");
    Qcow2Creator.create(
        clone, Qcow2Options.builder(MIB).backing(base, ImageFormat.QCOW2).build());

    try (FileChannel file = open(clone)) {
      Qcow2Growth.to(1L << 40).withBackingSizeBytes(MIB).apply(file);
    }

    qemuIo(clone, "read -P 17 300k 100k", "read -P 18 900k 10k", "read -P 0 1M 10M");
    qemuIo(clone, "write -P 20 1023G 1M", "read -P 20 1023G 1M");
    Images.qemuImg("check", "-f", "qcow2", clone);
  }

  @Test
  void whatOnlyQemuMayGrowIsLeftToIt() throws IOException {
    Path old = used("compat=0.10", "old");
    Path bitmaps = used("cluster_size=64k", "bitmaps");
    Images.qemuImg("bitmap", "--add", "-f", "qcow2", bitmaps, "changes");
    Path outside = used("data_file=" + directory.resolve("data"), "outside");
    Path full = used("cluster_size=512", "full");
    Path base = used("cluster_size=64k", "base");
    Path clone = directory.resolve("clone");
    Images.qemuImg("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", clone, "512k");

    assertThat(grow(old, 2 * MIB)).get().asString().contains("version 2");
    assertThat(grow(bitmaps, 2 * MIB)).get().asString().contains("not known");
    assertThat(grow(outside, 2 * MIB)).get().asString().contains("another file");
    assertThat(grow(full, 2 * MIB + 512)).get().asString().contains("room");
    assertThat(grow(clone, 2 * MIB)).get().asString().contains("backing file");
    try (FileChannel file = open(clone)) {
      assertThat(Qcow2Growth.to(2 * MIB).withBackingSizeBytes(MIB).obstacle(file))
          .isPresent();
    }
    for (Path image : List.of(old, bitmaps, outside, full, clone)) {
      Images.qemuImg("resize", "-q", "-f", "qcow2", image, 2 * MIB + 512);
    }
    qemuIo(clone, "read -P 17 300k 100k", "read -P 0 512k 1M"); // the base has 18 there
  }

  @Test
  void eachCrashLeavesACleanImageWithItsData() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Batch batch = new Batch(directory);
    for (String options :
        new String[] {"cluster_size=512", "cluster_size=4k", "cluster_size=64k"}) {
      Path image = used(options, "crash" + options.hashCode());
      byte[] before = dirtied(image, random);
      long size = options.endsWith("64k") ? 4L << 40 : options.endsWith("4k") ? 1L << 30 : 2 * MIB;
      List<RecordingChannel.Step> steps;
      try (RecordingChannel file = new RecordingChannel(open(image))) {
        Qcow2Growth.to(size).apply(file);
        steps = file.steps();
      }
      List<byte[]> states = CrashStates.of(before, steps, random);
      for (int i = 0; i < states.size(); i += options.endsWith("64k") ? 6 : 1) {
        Path state = Files.write(directory.resolve(image.getFileName() + "-" + i), states.get(i));
        assertThat(Qcow2Header.read(state).sizeBytes()).as("seed %s", seed).isIn(MIB, size);
        batch.add("qemu-img check -q -f qcow2 " + state + " && qemu-io -r -f qcow2"
            + " -c 'read -P 17 300k 100k' -c 'read -P 0 700k 100k' " + state + "; echo $?; rm "
            + state);
      }
    }

    List<String> results = batch.run();

    assertThat(results).as("seed %s", seed).hasSizeGreaterThan(40);
    assertThat(results)
        .as("seed %s", seed)
        .allSatisfy(result -> assertThat(result).endsWith("\n0\n").doesNotContain("fail"));
  }

  /** Fills the L1 cluster behind the table with what looks like entries. */
  private static byte[] dirtied(Path image, Random random) throws IOException {
    Qcow2Header header = Qcow2Header.read(image);
    try (FileChannel file = open(image)) {
      long at = ImageFiles.read(file, 0, 48).getLong(40) + header.l1Size() * 8L;
      byte[] garbage =
          new byte[header.clusterSizeBytes() - header.l1Size() * 8 % header.clusterSizeBytes()];
      random.nextBytes(garbage);
      ImageWrites.write(file, java.nio.ByteBuffer.wrap(garbage), at);
    }
    Images.qemuImg("check", "-f", "qcow2", image);
    return Files.readAllBytes(image);
  }

  /** Makes an image of 1 MiB with some data. */
  private Path used(String options, String name) {
    Path image = directory.resolve(name);
    Images.qemuImg("create", "-q", "-f", "qcow2", "-o", options, image, "1M");
    qemuIo(image, "write -P 17 300k 100k", "write -P 18 900k 10k");
    return image;
  }

  private static void qemuIo(Path image, String... commands) {
    List<String> line = new java.util.ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
    for (String command : commands) {
      line.addAll(List.of("-c", command));
    }
    line.add(image.toString());
    assertThat(Images.run(line)).doesNotContain("fail");
  }

  private static Optional<String> grow(Path image, long size) throws IOException {
    try (FileChannel file = open(image)) {
      Optional<String> obstacle = Qcow2Growth.to(size).obstacle(file);
      if (obstacle.isEmpty()) {
        Qcow2Growth.to(size).apply(file);
      }
      return obstacle;
    }
  }

  private static FileChannel open(Path image) throws IOException {
    return FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }
}
