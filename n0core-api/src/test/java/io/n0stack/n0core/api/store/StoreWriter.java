package io.n0stack.n0core.api.store;

import java.nio.file.Path;
import java.util.Random;

/** Writes and deletes records until it is killed, saying before and after each what it does. */
final class StoreWriter {
  private StoreWriter() {}

  public static void main(String[] args) {
    Random random = new Random(Long.parseLong(args[1]));
    FileStore store = FileStore.open(Path.of(args[0]));
    for (long number = 1; ; number++) {
      String key = "machine/web" + random.nextInt(5);
      long now = store.find(key).map(Versioned::revision).orElse(Store.NONE);
      if (now != Store.NONE && random.nextInt(4) == 0) {
        say(key, 0, 0, "?");
        store.delete(key, now);
        say(key, 0, 0, ".");
      } else {
        say(key, number, 0, "?");
        long revision = store.put(key, value(number, random.nextInt(100_000)), now);
        say(key, number, revision, ".");
      }
    }
  }

  private static void say(String key, long number, long revision, String mark) {
    System.out.print(key + " " + number + " " + revision + " " + mark + "\n");
    System.out.flush();
  }

  private static String value(long number, int length) {
    return number + ":" + length + ":"
        + Character.toString('a' + (int) (number % 26)).repeat(length);
  }

  /** Reads a value's number and checks the rest of it. */
  static long number(String value) {
    String[] parts = value.split(":", 3);
    long number = Long.parseLong(parts[0]);
    if (!value(number, Integer.parseInt(parts[1])).equals(value)) {
      throw new AssertionError("torn value of write " + number);
    }
    return number;
  }
}
