package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Cuts a stream into lines, wherever reads happen to split it. Used by one thread at a time. */
final class Lines {
  static final int LIMIT = 64 << 20;
  static final int SMALL = 1 << 13;

  private final Transport transport;
  private byte[] held = new byte[SMALL];
  private int begin;
  private int scanned;
  private int end;

  Lines(Transport transport) {
    this.transport = transport;
  }

  /** Returns the next line without its end, or null if it is not all there yet. */
  byte @Nullable [] next() {
    for (int i = scanned; i < end; i++) {
      if (held[i] == '\n') {
        byte[] line = Arrays.copyOfRange(held, begin, i);
        begin = i + 1;
        scanned = begin;
        return line;
      }
    }
    scanned = end;
    return null;
  }

  /** Reads once; returns what {@link Transport#read} returned. */
  int fill(long timeoutNanos) throws IOException {
    makeRoom();
    int count = transport.read(held, end, held.length - end, timeoutNanos);
    end += Math.max(0, count);
    return count;
  }

  /** Tells how much memory it holds. */
  int capacity() {
    return held.length;
  }

  private void makeRoom() throws IOException {
    int length = end - begin;
    if (length >= LIMIT) {
      throw new IOException("a message is longer than " + LIMIT + " bytes");
    }
    if (length == 0 && held.length > SMALL) {
      held = new byte[SMALL]; // it was large for a large reply only
    } else if (begin == 0 && end == held.length) {
      held = Arrays.copyOf(held, held.length << 1);
    } else if (begin > 0) {
      System.arraycopy(held, begin, held, 0, length);
    }
    scanned -= begin;
    begin = 0;
    end = length;
  }
}
