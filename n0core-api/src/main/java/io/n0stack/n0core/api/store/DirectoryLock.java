package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Set;

/** Keeps a directory to one process, by a lock that the kernel drops when the process dies. */
final class DirectoryLock implements AutoCloseable {
  private static final int HOLDER_BYTES = 200;

  /**
   * The locks of this process, by inode. Static because the kernel's record of them is the process's
   * too: closing any descriptor of the file drops them all, see fcntl(2), so a second store must be
   * refused before it opens the file.
   */
  private static final Set<Object> HELD = new HashSet<>();

  private final FileChannel channel;
  private final Object inode;

  private DirectoryLock(FileChannel channel, Object inode) {
    this.channel = channel;
    this.inode = inode;
  }

  static DirectoryLock acquire(Path directory) {
    Path file = directory.resolve("lock");
    try {
      SmallFiles.createDirectory(directory);
      synchronized (HELD) {
        return acquire(directory, file);
      }
    } catch (IOException e) {
      throw RecordFiles.failure("lock " + file, e);
    }
  }

  private static DirectoryLock acquire(Path directory, Path file) throws IOException {
    if (Files.exists(file) && HELD.contains(inode(file))) {
      throw held(directory, me());
    }
    FileChannel channel = FileChannel.open(
        file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean locked = false;
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw held(directory, holder(channel));
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(me().getBytes(StandardCharsets.UTF_8)), 0);
      DirectoryLock acquired = new DirectoryLock(channel, inode(file));
      HELD.add(acquired.inode);
      locked = true;
      return acquired;
    } finally {
      if (!locked) {
        channel.close();
      }
    }
  }

  private static Object inode(Path file) throws IOException {
    Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    return key == null ? file.toRealPath() : key;
  }

  private static String me() {
    return "pid " + ProcessHandle.current().pid();
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
    synchronized (HELD) {
      if (!channel.isOpen()) {
        return; // the inode may be another store's by now
      }
      HELD.remove(inode);
      try {
        channel.close();
      } catch (IOException e) {
        throw RecordFiles.failure("unlock", e);
      }
    }
  }
}
