package io.n0stack.n0core.kvm.qmp;

import java.util.Arrays;
import java.util.List;

/** A stream that brings given pieces, and then ends. */
final class FedTransport implements Transport {
  private final List<byte[]> pieces;
  private int next;
  private int used;

  FedTransport(List<byte[]> pieces) {
    this.pieces = pieces;
  }

  /** The same bytes, in two pieces. */
  static FedTransport split(byte[] bytes, int at) {
    return new FedTransport(
        List.of(Arrays.copyOf(bytes, at), Arrays.copyOfRange(bytes, at, bytes.length)));
  }

  @Override
  public synchronized int read(byte[] into, int offset, int length, long timeoutNanos) {
    while (next < pieces.size() && used == pieces.get(next).length) {
      next++;
      used = 0;
    }
    if (next == pieces.size()) {
      return -1;
    }
    int count = Math.min(length, pieces.get(next).length - used);
    System.arraycopy(pieces.get(next), used, into, offset, count);
    used += count;
    return count;
  }

  @Override
  public int write(byte[] bytes, int offset, int length, int descriptor, long timeoutNanos) {
    return length;
  }

  @Override
  public void shutdown() {}

  @Override
  public void close() {}
}
