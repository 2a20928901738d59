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
    long last = highestSeen;
    if (Files.exists(file)) {
      String text = Files.readString(file, StandardCharsets.US_ASCII).strip();
      // A damaged number is replaced by one beyond any block that can have been reserved.
      last = text.matches("\\d{1,18}") ? Math.max(last, Long.parseLong(text)) : last + BLOCK;
    }
    return new Revisions(file, last);
  }

  long next() {
    if (last == reserved) {
      try {
        RecordFiles.replace(
            file, Long.toString(reserved + BLOCK).getBytes(StandardCharsets.US_ASCII));
      } catch (RecordFiles.NotWrittenException e) {
        throw RecordFiles.failure("reserve revisions", e.reason());
      } catch (IOException e) {
        throw RecordFiles.failure("reserve revisions", e);
      }
      reserved += BLOCK;
    }
    return ++last;
  }
}
