package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A stream of bytes to and from a monitor. One thread reads, one at a time writes. */
interface Transport {
  /** Reads at least one byte; returns -1 at the end, also once {@link #shutdown} was called. */
  int read(ByteBuffer into) throws IOException;

  /** Writes all, or throws within a bounded time. */
  void write(ByteBuffer bytes) throws IOException;

  /** Writes all, with a descriptor at its first byte; as {@link #write(ByteBuffer)}. */
  void write(ByteBuffer bytes, int descriptor) throws IOException;

  /** Wakes a blocked reader and ends the stream, but keeps the descriptor. Idempotent. */
  void shutdown();

  /** Frees the descriptor; called after the reader has ended. Idempotent. */
  void close();
}
