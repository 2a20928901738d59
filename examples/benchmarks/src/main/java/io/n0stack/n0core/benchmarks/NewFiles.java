package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.IntStream;

/** Times what makes files, and removes them when the time has been taken. */
final class NewFiles {
  private NewFiles() {}

  /** Makes a file. */
  interface Maker {
    void make(Path file) throws Exception;
  }

  static Spent by(int times, Path directory, Maker maker) throws Exception {
    int[] made = new int[1];
    Spent spent = Spent.by(times, () -> maker.make(directory.resolve("o" + made[0]++)));
    delete(times, directory);
    return spent;
  }

  static void delete(int count, Path directory) throws IOException {
    for (int i = 0; i < count; i++) {
      Files.delete(directory.resolve("o" + i));
    }
  }

  /** Else whoever syncs next does it for this side. */
  private static void sync(Path directory) throws IOException {
    try (FileChannel open = FileChannel.open(directory, StandardOpenOption.READ)) {
      open.force(true);
    }
  }

  /**
   * A turn of one who makes some that are durable. They stay: ext4 goes around inodes that were freed a moment
   * ago, which takes whoever makes the next one as long as the rest of it.
   */
  static Rounds.Turn durableTurn(int count, String prefix, Path directory, Maker maker) {
    int[] made = new int[1];
    return new Rounds.Turn(count, times -> {
      Spent spent = Spent.by(times, () -> maker.make(directory.resolve(prefix + made[0]++)));
      sync(directory);
      return spent;
    });
  }

  /** A turn of one who makes that many. */
  static Rounds.Turn turn(int count, Path directory, Maker maker) {
    return new Rounds.Turn(count, times -> by(times, directory, maker));
  }

  static Path[] paths(String prefix, int count, Path directory) {
    return IntStream.range(0, count)
        .mapToObj(i -> directory.resolve(prefix + i))
        .toArray(Path[]::new);
  }
}
