package io.n0stack.n0core.storage.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;

/** A file that remembers what was done to it, and fails when it is told to. */
final class RecordingChannel extends FileChannel {
  private final FileChannel file;
  private final List<Step> steps = new ArrayList<>();
  private int failingStep = Integer.MAX_VALUE;
  private int mostBytes = Integer.MAX_VALUE;

  /** Something done to the file: bytes written, or a sync, which has no bytes. */
  static final class Step {
    private static final Step SYNC = new Step(-1, new byte[0]);

    private final long at;
    private final byte[] bytes;

    Step(long at, byte[] bytes) {
      this.at = at;
      this.bytes = bytes;
    }

    long at() {
      return at;
    }

    byte[] bytes() {
      return bytes;
    }

    boolean isSync() {
      return at < 0;
    }
  }

  RecordingChannel(FileChannel file) {
    this.file = file;
  }

  /** Lets a step fail, counted from 0: of a write, half is done. */
  RecordingChannel failingAt(int step) {
    failingStep = step;
    return this;
  }

  /** Lets each write take only a part. */
  RecordingChannel takingAtMost(int bytes) {
    mostBytes = bytes;
    return this;
  }

  List<Step> steps() {
    return List.copyOf(steps);
  }

  @Override
  public int write(ByteBuffer bytes, long at) throws IOException {
    boolean fails = steps.size() == failingStep;
    int length = Math.min(mostBytes, fails ? bytes.remaining() / 2 : bytes.remaining());
    byte[] taken = new byte[length];
    bytes.get(taken);
    ByteBuffer rest = ByteBuffer.wrap(taken);
    while (rest.hasRemaining()) {
      file.write(rest, at + rest.position());
    }
    steps.add(new Step(at, taken));
    if (fails) {
      throw new IOException("No space left on device");
    }
    return length;
  }

  @Override
  public void force(boolean metadata) throws IOException {
    steps.add(Step.SYNC);
    if (steps.size() - 1 == failingStep) {
      throw new IOException("Input/output error");
    }
  }

  @Override
  public int read(ByteBuffer bytes, long at) throws IOException {
    return file.read(bytes, at);
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  protected void implCloseChannel() throws IOException {
    file.close();
  }

  @Override
  public int read(ByteBuffer bytes) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long read(ByteBuffer[] bytes, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int write(ByteBuffer bytes) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long write(ByteBuffer[] bytes, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long position() {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileChannel position(long position) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileChannel truncate(long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count) {
    throw new UnsupportedOperationException();
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }
}
