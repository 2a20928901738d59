package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.file.ImageUse.Permission;
import io.n0stack.n0core.storage.internal.LockConflict;
import io.n0stack.n0core.storage.internal.LockHolders;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import jnr.constants.platform.Errno;

/**
 * The locks by which QEMU, {@code qemu-img} and {@code qemu-nbd} keep off each other's images: shared
 * locks on single bytes, which belong to an open file (OFD, see fcntl(2)). Closing other channels of
 * the same file does not drop them, unlike {@link java.nio.channels.FileLock}; the end of the process
 * does.
 *
 * <p>Thread-safe.
 *
 * @since 0.1
 */
public final class QemuLocks {
  // block/file-posix.c: byte 100 + n says "does n", byte 200 + n "lets no other do n"
  private static final int HELD = 100;
  private static final int DENIED = 200;
  private static final int BITS = 64;
  private static final Set<Permission> CHANGING = EnumSet.of(Permission.WRITE, Permission.RESIZE);

  private QemuLocks() {}

  /**
   * Looks who uses an image. Takes no lock, so that it can be in nobody's way.
   *
   * @param image the image; symbolic links are followed
   * @return how it is used at this moment
   * @throws N0Exception INVALID if it is neither a regular file nor a block device; UNSUPPORTED if its
   *     file system cannot tell
   * @throws OsException if it cannot be opened for reading
   */
  public static ImageUse look(Path image) {
    try (NativeFile file = NativeFile.openForReading(image)) {
      file.requireImage("image");
      return look(file);
    }
  }

  private static ImageUse look(NativeFile file) {
    Set<Permission> held = permissions(file, HELD);
    Set<Permission> denied = permissions(file, DENIED);
    List<ImageUse.Holder> holders = held.isEmpty() && denied.isEmpty()
        ? List.of()
        : LockHolders.of(file, HELD, DENIED + BITS).stream()
            .map(found -> new ImageUse.Holder(found.pid(), found.command()))
            .toList();
    return new ImageUse(held, denied, holders);
  }

  private static Set<Permission> permissions(NativeFile file, int base) {
    Set<Permission> found = EnumSet.noneOf(Permission.class);
    if (conflict(file, base, BITS).isEmpty()) {
      return found;
    }
    for (Permission permission : Permission.values()) {
      int bit = permission.bit();
      int bits = permission == Permission.OTHER ? BITS - bit : 1;
      if (conflict(file, base + bit, bits).isPresent()) {
        found.add(permission);
      }
    }
    return found;
  }

  /**
   * Locks an image as a QEMU that writes it does, after making sure that no other uses it at all: one
   * that is started meanwhile refuses.
   *
   * @param image the image; a symbolic link is refused
   * @return the lock, which the caller closes
   * @throws N0Exception BUSY if the image is used; INVALID if it is neither a regular file nor a block
   *     device; UNSUPPORTED if its file system has no such locks
   * @throws OsException if it cannot be opened for reading and writing
   */
  public static ImageLock exclusive(Path image) {
    NativeFile file = NativeFile.openForWriting(image);
    return locked(
        file,
        EnumSet.of(Permission.CONSISTENT_READ, Permission.WRITE, Permission.RESIZE),
        ImageUse::isUsed);
  }

  /**
   * Locks an image as a QEMU that reads it does: one that would write it and is started meanwhile
   * refuses, others may read too.
   *
   * @param image the image; symbolic links are followed
   * @return the lock, which the caller closes
   * @throws N0Exception BUSY if something writes the image or lets no other read it; INVALID if it is
   *     neither a regular file nor a block device; UNSUPPORTED if its file system has no such locks
   * @throws OsException if it cannot be opened for reading
   */
  public static ImageLock shared(Path image) {
    NativeFile file = NativeFile.openForReading(image);
    return locked(
        file,
        EnumSet.of(Permission.CONSISTENT_READ),
        use -> use.isWritten() || use.denied().contains(Permission.CONSISTENT_READ));
  }

  private static ImageLock locked(
      NativeFile file, Set<Permission> held, Predicate<ImageUse> inTheWay) {
    boolean done = false;
    try {
      file.requireImage("image");
      // First the marks, then the look, as QEMU does: of two that start at once at least one sees
      // the other.
      held.forEach(permission -> mark(file, HELD + permission.bit()));
      CHANGING.forEach(permission -> mark(file, DENIED + permission.bit()));
      ImageUse use = look(file);
      if (inTheWay.test(use)) {
        throw busy(file, use);
      }
      done = true;
      return new ImageLock(file);
    } finally {
      if (!done) {
        file.close();
      }
    }
  }

  private static void mark(NativeFile file, int place) {
    long result = file.lockShared(place, 1);
    if (SystemCalls.is(result, Errno.EAGAIN, Errno.EACCES)) {
      throw busy(file, look(file));
    }
    if (result < 0) {
      throw translated(file, SystemCalls.failure(result, "lock", file.name()));
    }
  }

  private static Optional<LockConflict> conflict(NativeFile file, int start, int length) {
    try {
      return file.findLock(start, length);
    } catch (OsException e) {
      throw translated(file, e);
    }
  }

  private static N0Exception translated(NativeFile file, OsException cause) {
    return switch (cause.errnoName()) {
      // A server without lock daemon; a file system without locks; a kernel before 3.15.
      case "ENOLCK", "EOPNOTSUPP", "ENOSYS", "EINVAL" ->
        new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            file.name(),
            "lock " + Rules.quote(file.name()) + ": its file system has no locks of open files, so"
                + " that nothing is known of other users (" + cause.errnoName() + ")",
            cause);
      default -> cause;
    };
  }

  private static N0Exception busy(NativeFile file, ImageUse use) {
    String who = use.isUsed() ? use.inWords() : "by a program that has ended since";
    return new N0Exception(
        N0Exception.Code.BUSY,
        file.name(),
        "lock " + Rules.quote(file.name()) + ": it is used, " + who);
  }
}
