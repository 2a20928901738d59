package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.Failures;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Which file a program is, so that one that was replaced or written to is another one.
 *
 * @param path where it was found
 * @param marks device, inode, length and times, those of what a symbolic link leads to
 */
record ProgramFile(Path path, Map<String, Object> marks) {
  // The time of change cannot be set by hand as that of modification can.
  private static final String MARKS = "unix:dev,ino,size,lastModifiedTime,ctime";

  static ProgramFile of(Path path) {
    return Failures.translated(
        "look at " + Rules.quote(path.toString()),
        () -> new ProgramFile(path, Map.copyOf(Files.readAttributes(path, MARKS))));
  }
}
