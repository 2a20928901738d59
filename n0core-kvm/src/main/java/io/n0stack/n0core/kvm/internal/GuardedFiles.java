package io.n0stack.n0core.kvm.internal;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/**
 * Opens files in directories that a machine's own processes can write to: they may have put links, pipes or anything
 * else of the expected name there.
 */
public final class GuardedFiles {
  private static final LibC C = LibC.INSTANCE;
  // fcntl.h: O_PATH neither follows with O_NOFOLLOW nor waits, whatever the file is
  private static final int O_PATH = 0x200000;
  private static final int O_NOFOLLOW = 0x20000;
  private static final int O_CLOEXEC = 0x80000;
  private static final int S_IFMT = 0170000; // sys/stat.h
  private static final int S_IFSOCK = 0140000;
  private static final int LONGEST = 1 << 20;

  private GuardedFiles() {}

  /** A file that is held by a descriptor, so that nothing else can take its place. */
  private static final class Held implements AutoCloseable {
    final int descriptor;
    final Path path;

    Held(Path file) throws IOException {
      byte[] name = (file + "\0").getBytes(StandardCharsets.UTF_8);
      descriptor = C.open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
      if (descriptor < 0) {
        Errno errno = Errno.valueOf(LastError.getLastError(Runtime.getSystemRuntime()));
        throw errno == Errno.ENOENT
            ? new NoSuchFileException(file.toString())
            : new FileSystemException(file.toString(), null, errno.description());
      }
      path = Path.of("/proc/self/fd", String.valueOf(descriptor));
    }

    @Override
    public void close() {
      int ignored = C.close(descriptor);
      assert ignored == 0;
    }
  }

  /**
   * Opens a plain file that has no other name.
   *
   * @param file the file
   * @param options how it is opened
   * @return the channel, which the caller closes
   * @throws NoSuchFileException if there is nothing of that name
   * @throws IOException if it is anything else, or cannot be opened
   */
  public static FileChannel open(Path file, OpenOption... options) throws IOException {
    try (Held held = new Held(file)) {
      if (!Files.isRegularFile(held.path)) {
        throw new FileSystemException(file.toString(), null, "it is not a plain file");
      }
      if (((Number) Files.getAttribute(held.path, "unix:nlink")).intValue() > 1) {
        throw new FileSystemException(file.toString(), null, "it has other names");
      }
      return FileChannel.open(held.path, options);
    }
  }

  /**
   * Connects to a socket, if it is one: a link could lead to another machine's, or anybody's.
   *
   * @param channel the channel, of Unix sockets
   * @param socket the socket
   * @return as {@link SocketChannel#connect}
   * @throws NoSuchFileException if there is nothing of that name
   * @throws IOException if it is anything else, or cannot be connected to
   */
  public static boolean connect(SocketChannel channel, Path socket) throws IOException {
    try (Held held = new Held(socket)) {
      if (!socket(held.path)) {
        throw new FileSystemException(socket.toString(), null, "it is not a socket");
      }
      return channel.connect(UnixDomainSocketAddress.of(held.path));
    }
  }

  /**
   * Says whether there is a socket, and no link to one.
   *
   * @param path where
   * @return true if there is
   */
  public static boolean isSocket(Path path) {
    try {
      return socket(path, LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean socket(Path path, LinkOption... options) throws IOException {
    int mode = (Integer) Files.getAttribute(path, "unix:mode", options);
    return (mode & S_IFMT) == S_IFSOCK;
  }

  /**
   * Reads a short file.
   *
   * @param file the file
   * @return its text
   * @throws NoSuchFileException if there is nothing of that name
   * @throws IOException if it is no plain file, is longer than a MiB, or cannot be read
   */
  public static String read(Path file) throws IOException {
    try (FileChannel in = open(file, StandardOpenOption.READ)) {
      if (in.size() > LONGEST) {
        throw new FileSystemException(file.toString(), null, "it is " + in.size() + " bytes long");
      }
      ByteBuffer text = ByteBuffer.allocate((int) in.size());
      int count = 0;
      while (text.hasRemaining() && count >= 0) {
        count = in.read(text);
      }
      return new String(text.array(), 0, text.position(), StandardCharsets.UTF_8);
    }
  }

  /**
   * Reads a note that the agent wrote for itself. What another user put there in its place is none.
   *
   * @param file the file, in a directory of the agent's
   * @return its text, empty if there is none
   * @throws IOException if it cannot be read
   */
  public static Optional<String> note(Path file) throws IOException {
    try {
      return own(file) ? Optional.of(read(file)) : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * Says whether a file is the agent's. Nobody else can take such a one away from a directory in which only the
   * owner of a file may.
   *
   * @param file the file, in a directory of the agent's
   * @return true if it belongs to whom the directory belongs to
   * @throws NoSuchFileException if there is nothing of that name
   * @throws IOException if that cannot be seen
   */
  public static boolean own(Path file) throws IOException {
    return uid(file).equals(uid(file.resolveSibling("")));
  }

  private static Object uid(Path file) throws IOException {
    return Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }
}
