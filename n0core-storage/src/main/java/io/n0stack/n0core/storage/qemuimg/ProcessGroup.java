package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Processes that belong together, as the kernel shows them: proc(5). */
final class ProcessGroup {
  private static final int GROUP = 2; // of the fields of /proc/PID/stat after the name
  private static final Path PROC = Path.of("/proc");

  private ProcessGroup() {}

  /**
   * Looks for living members of a group whose leader has ended and was reaped. The kernel gives the
   * leader's number to nobody else while the group has members.
   */
  static boolean hasMembers(long leader) {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[1-9]*")) {
      for (Path process : processes) {
        if (isMember(process, leader)) {
          return true;
        }
      }
      return false;
    } catch (IOException | DirectoryIteratorException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          PROC.toString(),
          "look for what qemu-img has left behind in " + PROC + ": " + e.getMessage(),
          e);
    }
  }

  private static boolean isMember(Path process, long leader) {
    try {
      String stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", GROUP + 2);
      return Long.parseLong(fields[GROUP]) == leader && !fields[0].equals("Z");
    } catch (IOException e) {
      return false; // it ended while we looked
    }
  }
}
