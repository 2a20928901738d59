package io.n0stack.n0core.storage.qcow2;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import jnr.posix.FileStat;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/** Tells what a file takes on the host and where its holes are, which the JDK cannot. See lseek(2). */
final class HostFile implements Closeable {
  private static final POSIX HOST = POSIXFactory.getNativePOSIX();
  private static final int BLOCK_BYTES = 512; // the unit of st_blocks, whatever the file system
  private static final int O_NONBLOCK = 0x800; // asm-generic/fcntl.h
  private static final int O_CLOEXEC = 0x80000;
  private static final int SEEK_DATA = 3; // linux/fs.h
  private static final int SEEK_HOLE = 4;
  private static final int ENXIO = 6; // asm-generic/errno-base.h

  private int fd;

  private HostFile(int fd) {
    this.fd = fd;
  }

  /** Opens what {@link ImageFiles} has found to be a regular file. */
  static HostFile open(Path file) throws IOException {
    int fd = HOST.open(file.toString(), O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) {
      throw failure("open");
    }
    return new HostFile(fd);
  }

  static long allocatedBytes(Path file) throws IOException {
    FileStat stat = HOST.allocateStat();
    if (HOST.lstat(file.toString(), stat) < 0) {
      throw failure("lstat");
    }
    return stat.blocks() * BLOCK_BYTES;
  }

  /** Finds the first data at or behind a position; {@code Long.MAX_VALUE} if there is none. */
  long dataFrom(long position) throws IOException {
    return seek(position, SEEK_DATA);
  }

  /** Finds the first hole at or behind a position, which may be the end of the file. */
  long holeFrom(long position) throws IOException {
    return seek(position, SEEK_HOLE);
  }

  private long seek(long position, int what) throws IOException {
    long found = HOST.lseekLong(fd, position, what);
    if (found < 0 && HOST.errno() != ENXIO) {
      throw failure("lseek");
    }
    return found < 0 ? Long.MAX_VALUE : found;
  }

  private static IOException failure(String call) {
    return new IOException(call + ": errno " + HOST.errno());
  }

  @Override
  public void close() {
    if (fd >= 0) {
      int open = fd;
      fd = -1;
      HOST.close(open);
    }
  }
}
