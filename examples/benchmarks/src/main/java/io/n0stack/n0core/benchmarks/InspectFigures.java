package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.ImageInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** The readers of images: against {@code qemu-img info}, on a large image, and on damaged ones. */
final class InspectFigures {
  private static final int LEAST_MIB = 8;
  private static final int MOST_MIB = 256;
  private static final int MUTATIONS = 60_000;
  private final Path directory;

  InspectFigures(Path directory) {
    this.directory = directory;
  }

  List<Figure> measure() throws Exception {
    return List.of(info(), heap(), mutations());
  }

  private Path image(String name, String... options) throws IOException, InterruptedException {
    Path image = directory.resolve(name + ".qcow2");
    List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", "qcow2"));
    command.addAll(List.of(options).subList(0, options.length - 1));
    command.add(image.toString());
    command.add(options[options.length - 1]);
    Peer.run(command.toArray(String[]::new));
    return image;
  }

  private Figure info() throws Exception {
    Path image = image("root", "10G");
    List<Spent> paces = Rounds.inTurn(
        100,
        Rounds.Turn.of(200, () -> requireSize(ImageInfo.read(image, ImageFormat.QCOW2))),
        Rounds.Turn.of(
            1,
            () -> Peer.run("qemu-img", "info", "-f", "qcow2", "--output=json", image.toString())));
    return new Against("qemu-img", paces.get(1)).faster("info", 200, paces.get(0));
  }

  private static void requireSize(ImageInfo info) {
    if (info.sizeBytes() != 10L << 30) {
      throw new IllegalStateException(
          "an image of 10 GiB is read as one of " + info.sizeBytes() + " bytes");
    }
  }

  /** Looks for the smallest heap with which a JVM inspects an image whose every cluster is mapped. */
  private Figure heap() throws Exception {
    Path image = image("large", "-o", "preallocation=metadata", "1T");
    int mib = LEAST_MIB;
    while (mib < MOST_MIB && !InspectMain.succeeds(image, mib)) {
      mib *= 2;
    }
    Files.delete(image);
    return new Figure(
        "storage: heap to inspect and map 1 TiB",
        mib,
        "MiB",
        LEAST_MIB,
        Direction.AT_MOST,
        "the least -Xmx of " + LEAST_MIB + ", " + 2 * LEAST_MIB + ", ... that a JVM gets by with");
  }

  private Figure mutations() throws Exception {
    List<byte[]> sound = List.of(
        Files.readAllBytes(image("plain", "-o", "cluster_size=512", "1M")),
        Files.readAllBytes(image("old", "-o", "cluster_size=4096,compat=0.10", "1G")),
        Files.readAllBytes(snapshots(image("snapshots", "-o", "cluster_size=1024", "8M"))),
        Files.readAllBytes(
            image("bitmaps", "-o", "cluster_size=16k,extended_l2=on,compression_type=zstd", "1G")));
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Path image = directory.resolve("mutated.qcow2");
    double slowest = 0;
    int refused = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      Files.write(image, mutated(sound.get(i % sound.size()), random));
      boolean[] read = new boolean[1];
      boolean done = false;
      try {
        slowest = Math.max(slowest, Spent.by(1, () -> read[0] = reads(image)).cpuMicros());
        done = true;
      } finally {
        if (!done) {
          System.err.println("seed " + seed + ", mutation " + i);
        }
      }
      refused += read[0] ? 0 : 1;
    }
    return new Figure(
        "storage: slowest of " + MUTATIONS + " damaged images",
        slowest / 1e3,
        "ms",
        100,
        Direction.AT_MOST,
        String.format(
            Locale.ROOT, "CPU; %d refused, none by another exception; seed %d", refused, seed));
  }

  private static Path snapshots(Path image) throws IOException, InterruptedException {
    for (int i = 0; i < 5; i++) {
      Peer.run("qemu-img", "snapshot", "-c", "before-" + i, image.toString());
    }
    return image;
  }

  private static boolean reads(Path image) {
    try {
      long size = ImageInfo.read(image, ImageFormat.QCOW2).sizeBytes();
      return ImageGate.standard().inspect(image, ImageFormat.QCOW2).sizeBytes() == size
          && InspectMain.mapped(image) >= 0;
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.INVALID && e.code() != N0Exception.Code.UNSUPPORTED) {
        throw e;
      }
      return false;
    }
  }

  /** Most of what can be wrong is in the header, and in the numbers that are of some size. */
  private static byte[] mutated(byte[] sound, Random random) {
    byte[] image = sound.clone();
    for (int i = random.nextInt(4); i >= 0; i--) {
      int at = random.nextInt(random.nextBoolean() ? 200 : image.length);
      switch (random.nextInt(3)) {
        case 0 -> image[at] = (byte) random.nextInt();
        case 1 -> image[at] ^= (byte) (1 << random.nextInt(8));
        default -> image[at] = (byte) (random.nextBoolean() ? 0xff : 0);
      }
    }
    return random.nextInt(10) == 0 ? Arrays.copyOf(image, random.nextInt(image.length)) : image;
  }
}
