package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a file short that another process appends to: its end is copied aside and it is cut to nothing. The
 * other process has it open with O_APPEND, so it goes on at the new end. What it writes between copy and
 * cut is lost.
 */
public final class LogFile {
  private static final Logger LOG = LoggerFactory.getLogger(LogFile.class);
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private LogFile() {}

  /**
   * Cuts a log if it is longer than it may be. A file that cannot be cut is left for the next time.
   *
   * @param log the log
   * @param mostBytes how long it may be
   */
  public static void bound(Path log, long mostBytes) {
    try {
      // The guest's process may own the file, so it could have put a link in its place.
      if (Files.isRegularFile(log, LinkOption.NOFOLLOW_LINKS)
          && Files.readAttributes(log, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                  .size()
              > mostBytes) {
        cut(log, log.resolveSibling(log.getFileName() + ".1"), mostBytes);
      }
    } catch (NoSuchFileException e) {
      LOG.trace("{} is gone", log);
    } catch (IOException e) {
      LOG.warn("{} stays long: {}", log, e.toString());
    }
  }

  private static void cut(Path log, Path aside, long mostBytes) throws IOException {
    Files.deleteIfExists(aside);
    try (FileChannel from =
            GuardedFiles.open(log, StandardOpenOption.READ, StandardOpenOption.WRITE);
        FileChannel to = FileChannel.open(
            aside, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), PRIVATE)) {
      long size = from.size();
      long position = size - Math.min(size, mostBytes);
      while (position < size) {
        long count = from.transferTo(position, size - position, to);
        if (count <= 0) {
          break;
        }
        position += count;
      }
      from.truncate(0);
    }
  }
}
