package io.n0stack.n0core.storage.qcow2;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A process that makes and grows images until it is killed. */
final class WriterChurn {
  static final long SIZE = 64L << 30;
  static final long GROWN = 2L << 40;
  static final int[] CLUSTERS = {64 << 10, 32 << 10, 2 << 20};

  private WriterChurn() {}

  /**
   * Runs for ever.
   *
   * @param arguments where the images go
   */
  public static void main(String[] arguments) throws IOException {
    Path directory = Path.of(arguments[0]);
    for (int i = 0; ; i++) {
      Path image = directory.resolve("image" + i);
      Qcow2Creator.create(
          image,
          Qcow2Options.builder(SIZE)
              .clusterSizeBytes(CLUSTERS[i % CLUSTERS.length])
              .build());
      try (FileChannel file =
          FileChannel.open(image, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        for (long size = SIZE; size <= GROWN; size += SIZE) {
          if (Qcow2Growth.to(size).obstacle(file).isEmpty()) {
            Qcow2Growth.to(size).apply(file);
          }
        }
      }
      if (i == 0) {
        System.out.println("ready");
      }
      // In bursts, for making takes less time than growing.
      for (int j = 0; j < 500; j++) {
        Path made = directory.resolve("made" + j);
        Files.deleteIfExists(made);
        Qcow2Creator.create(made, Qcow2Options.of(SIZE));
      }
      Files.delete(image);
    }
  }
}
