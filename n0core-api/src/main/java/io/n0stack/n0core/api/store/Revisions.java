package io.n0stack.n0core.api.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Hands out revisions that are never used twice, also when the record with the highest one was
 * deleted before a restart: the file names a number that is above all that were handed out.
 */
final class Revisions {
  private static final long BLOCK = 1024;

  private final Path file;
  private long last;
  private long reserved;

  private Revisions(Path file, long last) {
    this.file = file;
    this.last = last;
    this.reserved = last;
  }

  static Revisions open(Path file, long highestSeen) throws IOException {
    SmallFiles.sweep(file.resolveSibling("")); // of a process that was killed while it wrote
    if (!Files.exists(file)) {
      return new Revisions(file, highestSeen == Store.NONE ? highestSeen : beyondAll(highestSeen));
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.US_ASCII).strip();
    boolean sound = text.matches("[0-9]{1,18}") && Long.parseLong(text) >= highestSeen;
    return new Revisions(file, sound ? Long.parseLong(text) : beyondAll(highestSeen));
  }

  /**
   * Replaces a number that was lost. The highest record's is no substitute, since records with higher
   * ones may have been deleted; the clock is, since no store makes a thousand changes a millisecond.
   * Milliseconds alone would not do: each opening spends a block, and a thousand numbers a second are
   * soon spent by a program that is started again and again.
   */
  private static long beyondAll(long highestSeen) {
    return Math.max(highestSeen, System.currentTimeMillis() * BLOCK);
  }

  long next() {
    if (last == reserved) {
      try {
        SmallFiles.replace(
            file, Long.toString(reserved + BLOCK).getBytes(StandardCharsets.US_ASCII));
      } catch (SmallFiles.NotWrittenException e) {
        throw RecordFiles.failure("reserve revisions", e.reason());
      } catch (IOException e) {
        throw RecordFiles.failure("reserve revisions", e);
      }
      reserved += BLOCK;
    }
    return ++last;
  }
}
