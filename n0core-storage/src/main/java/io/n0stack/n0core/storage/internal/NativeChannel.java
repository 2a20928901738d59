package io.n0stack.n0core.storage.internal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.StandardOpenOption;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * A channel of a file that is open already. What makes a small file, a few short writes at given
 * places, goes straight to its descriptor; for all else the JDK opens it anew when it is first asked
 * for. Closing it leaves the descriptor open. As thread-safe as channels are.
 */
final class NativeChannel extends FileChannel {
  private final NativeFile file;
  private final Memory memory;
  private @Nullable FileChannel whole;

  NativeChannel(NativeFile file, Memory memory) {
    this.file = file;
    this.memory = memory;
  }

  private synchronized FileChannel whole() throws IOException {
    requireOpen();
    if (whole == null) {
      whole = FileChannel.open(file.reopening(), StandardOpenOption.READ, StandardOpenOption.WRITE);
    }
    return whole;
  }

  /** An interrupt closes a channel, also this one. */
  private void requireOpen() throws IOException {
    if (!isOpen()) {
      throw new ClosedChannelException();
    }
    if (Thread.currentThread().isInterrupted()) {
      close();
      throw new ClosedByInterruptException();
    }
  }

  @Override
  public synchronized long size() throws IOException {
    requireOpen();
    return checked(file.end());
  }

  private static long checked(long result) throws IOException {
    if (result < 0) {
      throw new IOException(Errno.valueOf(-result).description());
    }
    return result;
  }

  @Override
  public int read(ByteBuffer destination) throws IOException {
    return whole().read(destination);
  }

  @Override
  public long read(ByteBuffer[] destinations, int offset, int length) throws IOException {
    return whole().read(destinations, offset, length);
  }

  @Override
  public int read(ByteBuffer destination, long position) throws IOException {
    return whole().read(destination, position);
  }

  @Override
  public int write(ByteBuffer source, long position) throws IOException {
    int count = source.remaining();
    if (count > Memory.CONTENT_BYTES || position < 0) {
      return whole().write(source, position);
    }
    synchronized (this) {
      requireOpen();
      int written = (int) checked(file.write(memory.content(source, count), count, position));
      source.position(source.position() + written);
      return written;
    }
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    return whole().write(source);
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    return whole().write(sources, offset, length);
  }

  @Override
  public long position() throws IOException {
    return whole().position();
  }

  @Override
  public FileChannel position(long position) throws IOException {
    FileChannel unused = whole().position(position);
    return this;
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    FileChannel unused = whole().truncate(size);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    whole().force(metaData);
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) throws IOException {
    return whole().transferTo(position, count, target);
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count)
      throws IOException {
    return whole().transferFrom(source, position, count);
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) throws IOException {
    return whole().map(mode, position, size);
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) throws IOException {
    return whole().lock(position, size, shared);
  }

  @Override
  public @Nullable FileLock tryLock(long position, long size, boolean shared) throws IOException {
    return whole().tryLock(position, size, shared);
  }

  @Override
  protected void implCloseChannel() throws IOException {
    FileChannel closing;
    synchronized (this) { // not before a write has ended, for the descriptor goes next
      closing = whole;
      whole = null;
    }
    if (closing != null) {
      closing.close();
    }
  }
}
