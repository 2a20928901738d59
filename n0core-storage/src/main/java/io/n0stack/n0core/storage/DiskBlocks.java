package io.n0stack.n0core.storage;

import java.io.IOException;
import java.nio.file.Path;
import jnr.posix.FileStat;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/** Tells what a file takes on the host, which the JDK cannot. See lstat(2). */
final class DiskBlocks {
  private static final int BLOCK_BYTES = 512; // the unit of st_blocks, whatever the file system
  private static final POSIX HOST = POSIXFactory.getNativePOSIX();

  private DiskBlocks() {}

  static long allocatedBytes(Path file) throws IOException {
    FileStat stat = HOST.allocateStat();
    if (HOST.lstat(file.toString(), stat) < 0) {
      throw new IOException("lstat: errno " + HOST.errno());
    }
    return stat.blocks() * BLOCK_BYTES;
  }
}
