package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import jnr.constants.platform.Errno;

/**
 * Takes a file's space before it is needed. What is in the file stays. After a failure it has the length
 * that it had. Syncs nothing.
 *
 * @since 0.1
 */
public final class Preallocation {
  private static final long RESERVED_PIECE = 1L << 30;
  private static final int WRITTEN_PIECE = 4 << 20;

  private Preallocation() {}

  /**
   * Reserves blocks for all of a file, and makes it longer if need be. See fallocate(2).
   *
   * @param file a regular file; a symbolic link is refused
   * @param sizeBytes how much to reserve, from the file's beginning
   * @param progress is told how far it is, and can end it
   * @throws N0Exception INVALID if it is no regular file or the size is not positive; EXHAUSTED if the
   *     file system has not that much, then nothing was done; UNSUPPORTED if it cannot reserve;
   *     CANCELLED if the thread is interrupted
   * @throws OsException if the kernel refuses
   */
  public static void reserve(Path file, long sizeBytes, FileProgress progress) {
    Rules.range("sizeBytes", sizeBytes, 1, Long.MAX_VALUE);
    try (NativeFile open = NativeFile.openForWriting(file)) {
      FileStatus before = open.requireRegular("file");
      requireSpace(open, sizeBytes - before.allocatedBytes());
      Runnable work = () -> {
        for (long done = 0; done < sizeBytes; ) {
          long length = Math.min(RESERVED_PIECE, sizeBytes - done);
          requireReserved(open, open.allocate(done, length));
          done += length;
          report(open, progress, done, sizeBytes);
        }
      };
      undoing(work, open, before);
    }
  }

  /**
   * Makes a file longer by writing zeros, so that later writes need no change of what the file system
   * knows of it.
   *
   * @param file a regular file; a symbolic link is refused
   * @param sizeBytes its length then; nothing is done if it is as long already
   * @param progress is told how far it is, and can end it
   * @throws N0Exception INVALID if it is no regular file or the size is not positive; EXHAUSTED if the
   *     file system has not that much, then nothing was done; CANCELLED if the thread is interrupted
   * @throws OsException if the kernel refuses
   */
  public static void fill(Path file, long sizeBytes, FileProgress progress) {
    Rules.range("sizeBytes", sizeBytes, 1, Long.MAX_VALUE);
    try (NativeFile open = NativeFile.openForWriting(file)) {
      FileStatus before = open.requireRegular("file");
      requireSpace(open, sizeBytes - before.sizeBytes());
      ByteBuffer zeros = ByteBuffer.allocateDirect(WRITTEN_PIECE);
      Runnable work = () -> {
        for (long done = before.sizeBytes(); done < sizeBytes; ) {
          long length = Math.min(WRITTEN_PIECE, sizeBytes - done);
          done += SystemCalls.check(open.write(zeros, length, done), "write", open.name());
          report(open, progress, done, sizeBytes);
        }
      };
      undoing(work, open, before);
    }
  }

  private static void undoing(Runnable work, NativeFile file, FileStatus before) {
    Failures.undoing(
        () -> {
          work.run();
          return file;
        },
        () -> file.truncate(before.sizeBytes()));
  }

  private static void requireSpace(NativeFile file, long needed) {
    long available = FileSystemSpace.of(file).availableBytes();
    if (needed > available) {
      throw new N0Exception(
          N0Exception.Code.EXHAUSTED,
          file.name(),
          "allocate " + Rules.quote(file.name()) + ": needs " + needed + " bytes, " + available
              + " are available");
    }
  }

  private static void requireReserved(NativeFile file, long result) {
    if (SystemCalls.is(result, Errno.EOPNOTSUPP, Errno.ENOSYS)) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          file.name(),
          "allocate " + Rules.quote(file.name()) + ": its file system cannot reserve blocks");
    }
    SystemCalls.check(result, "allocate", file.name());
  }

  private static void report(NativeFile file, FileProgress progress, long done, long total) {
    SystemCalls.requireNotInterrupted("allocate", file.name());
    progress.reached(done, total);
  }
}
