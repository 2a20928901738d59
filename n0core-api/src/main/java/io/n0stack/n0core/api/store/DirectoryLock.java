package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Keeps a directory to one process, by a lock that the kernel drops when the process dies. */
final class DirectoryLock implements AutoCloseable {
  private static final int HOLDER_BYTES = 200;

  private final FileChannel channel;

  private DirectoryLock(FileChannel channel) {
    this.channel = channel;
  }

  static DirectoryLock acquire(Path directory) {
    Path file = directory.resolve("lock");
    try {
      RecordFiles.createDirectory(directory);
      FileChannel channel = FileChannel.open(
          file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      boolean locked = false;
      try {
        locked = lock(channel);
        if (!locked) {
          throw held(directory, holder(channel));
        }
        byte[] me = ("pid " + ProcessHandle.current().pid()).getBytes(StandardCharsets.UTF_8);
        channel.truncate(0);
        channel.write(ByteBuffer.wrap(me), 0);
        return new DirectoryLock(channel);
      } finally {
        if (!locked) {
          channel.close();
        }
      }
    } catch (IOException e) {
      throw RecordFiles.failure("lock " + file, e);
    }
  }

  private static boolean lock(FileChannel channel) throws IOException {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false; // held by another store in this very process
    }
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(HOLDER_BYTES);
    channel.read(bytes, 0);
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
  }

  private static N0Exception held(Path directory, String holder) {
    return new N0Exception(
        N0Exception.Code.BUSY,
        "state directory " + directory,
        "open " + directory + ": in use by " + (holder.isBlank() ? "another process" : holder)
            + "; stop it or choose another directory");
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw RecordFiles.failure("unlock", e);
    }
  }
}
