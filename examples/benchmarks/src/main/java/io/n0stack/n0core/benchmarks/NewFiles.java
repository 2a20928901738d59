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

  /** Removes them for good: else whoever syncs next does it for this side. */
  static void deleteDurably(int count, Path directory) throws IOException {
    delete(count, directory);
    try (FileChannel open = FileChannel.open(directory, StandardOpenOption.READ)) {
      open.force(true);
    }
  }

  /** A turn of one who makes one that is durable. */
  static Rounds.Turn durableTurn(Path directory, Maker maker) {
    return new Rounds.Turn(1, times -> {
      Spent spent = Spent.by(1, () -> maker.make(directory.resolve("o0")));
      deleteDurably(1, directory);
      return spent;
    });
  }

  /** A turn of one who makes that many. */
  static Rounds.Turn turn(int count, Path directory, Maker maker) {
    return new Rounds.Turn(count, times -> by(times, directory, maker));
  }

  static Path[] paths(int count, Path directory) {
    return IntStream.range(0, count).mapToObj(i -> directory.resolve("o" + i)).toArray(Path[]::new);
  }
}
