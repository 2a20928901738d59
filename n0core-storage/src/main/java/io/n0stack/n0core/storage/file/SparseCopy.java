package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.nio.file.Path;
import jnr.constants.platform.Errno;

/**
 * Copies files and keeps their holes: shares the blocks where the file system can, has the kernel
 * move the data where it can, and otherwise reads and writes what is not zero. See ioctl_ficlone(2),
 * copy_file_range(2) and lseek(2), SEEK_DATA.
 *
 * @since 0.1
 */
public final class SparseCopy {
  private SparseCopy() {}

  /**
   * Makes a durable copy that was not there; see {@link DurableFiles#create}.
   *
   * @param source the file; symbolic links are followed
   * @param destination absolute path, in a directory that exists
   * @param progress is told how far it is, and can end it
   * @return what it took
   * @throws N0Exception as {@link #into} and {@link DurableFiles#create} throw it; there is no
   *     destination then
   */
  public static CopyResult create(Path source, Path destination, FileProgress progress) {
    DurableFiles.requireFree(DurableFiles.requireDestination(destination));
    try (NativeFile from = NativeFile.openForReading(source);
        FileDraft draft = new DurableFiles().draft(destination)) {
      CopyResult result = copy(from, draft.file(), progress);
      draft.publish();
      return result;
    }
  }

  /**
   * Copies into a draft, which is empty so far.
   *
   * @param source the file; symbolic links are followed
   * @param draft takes the content; neither synced nor published here
   * @param progress is told how far it is, and can end it
   * @return what it took
   * @throws N0Exception INVALID if the source is no regular file; PRECONDITION if the draft is not
   *     empty; BUSY if the source was changed meanwhile; CANCELLED if the thread is interrupted
   * @throws OsException if the kernel refuses
   */
  public static CopyResult into(Path source, FileDraft draft, FileProgress progress) {
    try (NativeFile from = NativeFile.openForReading(source)) {
      return copy(from, draft.file(), progress);
    }
  }

  private static CopyResult copy(NativeFile from, NativeFile to, FileProgress progress) {
    FileStatus before = from.requireRegular("source");
    if (to.status().sizeBytes() != 0) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          to.name(),
          "copy to " + Rules.quote(to.name()) + ": it is not empty");
    }
    SystemCalls.requireNotInterrupted("copy", from.name());
    long cloned = to.cloneFrom(from);
    if (cloned == 0) {
      long size = to.status().sizeBytes();
      progress.reached(size, size);
      return new CopyResult(size, 0, CopyResult.Way.CLONED);
    }
    requireOtherWay(cloned, from);
    CopyRun run = new CopyRun(from, to, before.sizeBytes(), progress);
    CopyResult result = run.copy();
    FileStatus after = from.status();
    if (after.sizeBytes() != before.sizeBytes()
        || after.modifiedNanos() != before.modifiedNanos()) {
      throw changed(from);
    }
    return result;
  }

  /** Throws unless an error says that this way is closed between these files, and another may not be. */
  static void requireOtherWay(long result, NativeFile from) {
    // ENOTTY: no such ioctl. EPERM: a filter of system calls. ETXTBSY: a swap file.
    if (!SystemCalls.is(
        result,
        Errno.EOPNOTSUPP,
        Errno.EXDEV,
        Errno.EINVAL,
        Errno.ENOSYS,
        Errno.ENOTTY,
        Errno.EPERM,
        Errno.ETXTBSY)) {
      throw SystemCalls.failure(result, "copy", from.name());
    }
  }

  static N0Exception changed(NativeFile from) {
    return new N0Exception(
        N0Exception.Code.BUSY,
        from.name(),
        "copy " + Rules.quote(from.name()) + ": it was changed while it was copied");
  }
}
