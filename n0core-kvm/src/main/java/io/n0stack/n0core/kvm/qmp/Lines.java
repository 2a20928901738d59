package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** Cuts a stream into lines, wherever reads happen to split it. Used by one thread. */
final class Lines {
  static final int LIMIT = 64 << 20;
  private static final int CHUNK = 1 << 16;

  private final Transport transport;
  private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
  private byte[] held = new byte[CHUNK];
  private int begin;
  private int scanned;
  private int end;

  Lines(Transport transport) {
    this.transport = transport;
  }

  /** Returns the next line without its end, empty at the end of the stream. */
  Optional<byte[]> next() throws IOException {
    while (true) {
      for (; scanned < end; scanned++) {
        if (held[scanned] == '\n') {
          byte[] line = Arrays.copyOfRange(held, begin, scanned);
          begin = ++scanned;
          return Optional.of(line);
        }
      }
      if (!fill()) {
        return Optional.empty();
      }
    }
  }

  private boolean fill() throws IOException {
    chunk.clear();
    int count = transport.read(chunk);
    if (count < 0) {
      return false;
    }
    makeRoom(count);
    System.arraycopy(chunk.array(), 0, held, end, count);
    end += count;
    return true;
  }

  private void makeRoom(int count) throws IOException {
    int length = end - begin;
    if (length + count > LIMIT) {
      throw new IOException("a message is longer than " + LIMIT + " bytes");
    }
    if (end + count <= held.length && begin < end) {
      return;
    }
    int capacity = CHUNK; // shrinks again after a large reply
    while (capacity < length + count) {
      capacity <<= 1;
    }
    byte[] target = capacity == held.length ? held : new byte[capacity];
    System.arraycopy(held, begin, target, 0, length);
    held = target;
    scanned -= begin;
    begin = 0;
    end = length;
  }
}
