package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.nio.ByteBuffer;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/** One copy of data, extent by extent, in pieces after which it can be ended. */
final class CopyRun {
  private static final long KERNEL_PIECE = 16 << 20;
  private static final int PIECE = 1 << 20;
  private static final int BLOCK = 4096;

  private final NativeFile from;
  private final NativeFile to;
  private final long size;
  private final FileProgress progress;
  private CopyResult.Way way = CopyResult.Way.KERNEL;
  private long copied;
  private @Nullable ByteBuffer buffer;
  private @Nullable ByteBuffer zeros;

  CopyRun(NativeFile from, NativeFile to, long size, FileProgress progress) {
    this.from = from;
    this.to = to;
    this.size = size;
    this.progress = progress;
  }

  CopyResult copy() {
    // First, so that holes need nothing, and no space is taken behind the end in advance.
    to.truncate(size);
    long position = 0;
    while (position < size) {
      long data = from.seekData(position);
      if (SystemCalls.is(data, Errno.ENXIO)) {
        break;
      }
      long hole = data < 0 ? data : from.seekHole(data);
      if (hole < 0) {
        // It does not tell where its holes are.
        SparseCopy.requireOtherWay(hole, from);
        way = CopyResult.Way.READ_AND_WRITTEN;
        data = position;
        hole = size;
      }
      extent(data, Math.min(hole, size));
      position = hole;
    }
    report(size);
    return new CopyResult(size, copied, way);
  }

  private void extent(long start, long end) {
    long position = start;
    while (position < end) {
      long done = way == CopyResult.Way.KERNEL
          ? inKernel(position, Math.min(KERNEL_PIECE, end - position))
          : readAndWrite(position, (int) Math.min(PIECE, end - position));
      position += done;
      if (done > 0) {
        report(position);
      }
    }
  }

  private void report(long position) {
    SystemCalls.requireNotInterrupted("copy", from.name());
    progress.reached(position, size);
  }

  private long inKernel(long position, long length) {
    long done = to.copyFrom(from, position, length);
    if (done > 0) {
      copied += done;
      return done;
    }
    if (done < 0) {
      SparseCopy.requireOtherWay(done, from);
    }
    // Nothing, though there should be data: some file systems say so. Reading will tell.
    way = CopyResult.Way.READ_AND_WRITTEN;
    return 0;
  }

  private long readAndWrite(long position, int length) {
    if (buffer == null || zeros == null) {
      buffer = ByteBuffer.allocateDirect(PIECE);
      zeros = ByteBuffer.allocateDirect(BLOCK);
    }
    long read = from.read(buffer.clear(), length, position);
    SystemCalls.check(read, "read", from.name());
    if (read == 0) {
      throw SparseCopy.changed(from);
    }
    writeData(buffer.limit((int) read), zeros, position);
    return read;
  }

  /** Writes the runs of blocks that have something in them. */
  private void writeData(ByteBuffer bytes, ByteBuffer zero, long position) {
    int length = bytes.limit();
    int run = 0;
    for (int block = 0; block < length; block += BLOCK) {
      int end = Math.min(block + BLOCK, length);
      if (isZero(bytes, zero, block, end)) {
        write(bytes, run, block, position);
        run = end;
      }
    }
    write(bytes, run, length, position);
  }

  private static boolean isZero(ByteBuffer bytes, ByteBuffer zero, int start, int end) {
    return bytes.slice(start, end - start).mismatch(zero.limit(end - start)) < 0;
  }

  private void write(ByteBuffer bytes, int start, int end, long position) {
    int done = start;
    while (done < end) {
      long written = to.write(bytes.position(done), end - done, position + done);
      done += (int) SystemCalls.check(written, "write", to.name());
    }
    copied += Math.max(0, end - start);
  }
}
