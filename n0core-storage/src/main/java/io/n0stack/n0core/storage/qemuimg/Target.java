package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A file that a run is to make. */
final class Target {
  private static final Logger LOG = LoggerFactory.getLogger(Target.class);
  private static final FileAttribute<Set<PosixFilePermission>> OURS =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private Target() {}

  /** Runs only if nothing is there, a dangling link included; unlinks what a failed run has left. */
  static void make(Path target, Runnable run) {
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      throw taken(target);
    }
    fill(target, run);
  }

  static void requireEmpty(Path target) {
    attempt(target, () -> {
      BasicFileAttributes file =
          Files.readAttributes(target, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!file.isRegularFile() || file.size() != 0) {
        throw taken(target);
      }
    });
  }

  private static N0Exception taken(Path target) {
    return new N0Exception(
        N0Exception.Code.ALREADY_EXISTS,
        target.toString(),
        "make " + Rules.quote(target.toString()) + ": something is there");
  }

  /** Runs as {@link #make} does, on an empty file that another user may write meanwhile. */
  static void makeAs(long user, Path target, Runnable run) {
    attempt(target, () -> Files.createFile(target, OURS));
    fill(target, () -> {
      attempt(target, () -> owner(target, (int) user));
      run.run();
      attempt(target, () -> owner(target, 0));
    });
  }

  private static void fill(Path target, Runnable run) {
    boolean made = false;
    try {
      run.run();
      made = true;
    } finally {
      if (!made) {
        unlink(target);
      }
    }
  }

  private static void unlink(Path target) {
    try {
      if (Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
        Files.delete(target);
      }
    } catch (IOException e) {
      LOG.warn("{} is half made and cannot be deleted", target, e);
    }
  }

  private static void owner(Path target, int user) throws IOException {
    Files.setAttribute(target, "unix:uid", user, LinkOption.NOFOLLOW_LINKS);
    Files.setAttribute(target, "unix:gid", user, LinkOption.NOFOLLOW_LINKS);
  }

  private interface Work {
    void run() throws IOException;
  }

  private static void attempt(Path target, Work work) {
    try {
      work.run();
    } catch (IOException e) {
      throw new N0Exception(
          codeOf(e),
          target.toString(),
          "make " + Rules.quote(target.toString()) + ": " + e.getMessage(),
          e);
    }
  }

  private static N0Exception.Code codeOf(IOException cause) {
    if (cause instanceof FileAlreadyExistsException) {
      return N0Exception.Code.ALREADY_EXISTS;
    }
    if (cause instanceof NoSuchFileException) {
      return N0Exception.Code.NOT_FOUND;
    }
    if (cause instanceof AccessDeniedException) {
      return N0Exception.Code.PERMISSION;
    }
    String reason = String.valueOf(cause.getMessage());
    return reason.contains("No space left") || reason.contains("quota exceeded")
        ? N0Exception.Code.EXHAUSTED
        : N0Exception.Code.UNAVAILABLE;
  }
}
