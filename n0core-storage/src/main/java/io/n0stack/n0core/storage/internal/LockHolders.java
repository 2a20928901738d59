package io.n0stack.n0core.storage.internal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds the processes behind locks of open files, whose owner the kernel does not name: by the
 * descriptors that each process has, see proc(5). What this process may not look at is left out.
 */
public final class LockHolders {
  private static final Path PROC = Path.of("/proc");
  // lock: 1: OFDLCK  ADVISORY  READ -1 fe:00:1234 100 101, fs/locks.c lock_get_status
  private static final Pattern LOCK =
      Pattern.compile("lock:\\s.*\\s[0-9a-f]+:[0-9a-f]+:\\d+\\s+(\\d+)\\s+(\\d+|EOF)");

  private LockHolders() {}

  /**
   * A process.
   *
   * @param pid its id
   * @param command its name, as {@code /proc/PID/comm} has it
   */
  public record Holder(long pid, String command) {}

  /**
   * Lists who holds locks in a range, this open file apart.
   *
   * @param file the locked file
   * @param start the first byte
   * @param end the byte after the last
   * @return the processes found
   */
  public static List<Holder> of(NativeFile file, long start, long end) {
    List<Holder> holders = new ArrayList<>();
    Object key = key(file.reopening());
    if (key == null) {
      return holders;
    }
    String own = ProcessHandle.current().pid() + "/" + file.fd();
    for (Path process : list(PROC, "[0-9]*")) {
      String pid = process.getFileName().toString();
      for (Path descriptor : list(process.resolve("fd"), "*")) {
        String number = descriptor.getFileName().toString();
        if (key.equals(key(descriptor))
            && !own.equals(pid + "/" + number)
            && hasLock(process.resolve("fdinfo").resolve(number), start, end)) {
          holders.add(
              new Holder(Long.parseLong(pid), read(process.resolve("comm")).strip()));
          break;
        }
      }
    }
    return holders;
  }

  private static boolean hasLock(Path fdinfo, long start, long end) {
    return read(fdinfo).lines().map(LOCK::matcher).filter(Matcher::matches).anyMatch(lock -> {
      long first = Long.parseLong(lock.group(1));
      long last = lock.group(2).equals("EOF") ? Long.MAX_VALUE : Long.parseLong(lock.group(2));
      return first < end && last >= start;
    });
  }

  private static List<Path> list(Path directory, String glob) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory, glob)) {
      paths.forEach(found::add);
    } catch (IOException | DirectoryIteratorException e) {
      // The process has ended, or is another user's.
      return found;
    }
    return found;
  }

  private static @Nullable Object key(Path file) {
    try {
      return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    } catch (IOException e) {
      return null;
    }
  }

  private static String read(Path file) {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      return "";
    }
  }
}
