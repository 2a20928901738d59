package io.n0stack.n0core.kvm.internal.console;

import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * One who reads and writes a serial port. It reads QEMU's log from a position of its own, so that nothing is
 * missing or doubled between what was and what comes; if the log is cut meanwhile, it goes on from its beginning.
 */
final class SerialReader implements ByteChannel {
  private static final int POLL_MILLIS = 50;

  private final SerialHub hub;
  private final Path log;
  private long position;
  private volatile boolean closed;

  SerialReader(SerialHub hub, Path log, long replayBytes) {
    this.hub = hub;
    this.log = log;
    position = Math.max(0, size(log) - replayBytes);
  }

  private static long size(Path log) {
    try (FileChannel file = GuardedFiles.open(log, StandardOpenOption.READ)) {
      return file.size();
    } catch (IOException e) {
      return 0; // not there yet, or no more
    }
  }

  @Override
  public synchronized int read(ByteBuffer into) throws IOException {
    if (closed) {
      throw new ClosedChannelException();
    }
    if (!into.hasRemaining()) {
      return 0;
    }
    while (true) {
      boolean last = hub.ended(); // before the look, for QEMU writes its log before it ends
      int count = fromLog(into);
      if (count > 0) {
        return count;
      }
      if (last) {
        return -1;
      }
      try {
        hub.await(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while waiting for the console");
      }
      if (closed) {
        throw new AsynchronousCloseException();
      }
    }
  }

  private int fromLog(ByteBuffer into) throws IOException {
    try (FileChannel file = GuardedFiles.open(log, StandardOpenOption.READ)) {
      if (file.size() < position) {
        position = 0;
      }
      int count = file.read(into, position);
      position += Math.max(0, count);
      return count;
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  @Override
  public int write(ByteBuffer from) throws IOException {
    if (closed) {
      throw new ClosedChannelException();
    }
    return hub.write(from);
  }

  @Override
  public boolean isOpen() {
    return !closed;
  }

  @Override
  public void close() {
    synchronized (hub) {
      if (closed) {
        return;
      }
      closed = true;
    }
    hub.leave();
  }
}
