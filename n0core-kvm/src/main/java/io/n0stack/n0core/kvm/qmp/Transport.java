package io.n0stack.n0core.kvm.qmp;

import java.io.IOException;

/** A stream of bytes to and from a monitor. One thread at a time reads, and one writes. */
interface Transport {
  /** Stands for no descriptor. */
  int NONE = -1;

  /** Stands for a time without end. */
  long FOREVER = -1;

  /**
   * Reads what there is, waiting for it if there is nothing; returns 0 if the time was over first, and
   * -1 at the end, also once {@link #shutdown} was called.
   */
  int read(byte[] into, int offset, int length, long timeoutNanos) throws IOException;

  /**
   * Writes as much as the monitor takes at once, waiting until it takes something; returns how much, 0
   * if the time was over first. The descriptor, unless {@link #NONE}, goes along with the first byte.
   */
  int write(byte[] bytes, int offset, int length, int descriptor, long timeoutNanos)
      throws IOException;

  /** Wakes whoever waits and ends the stream, but keeps its own descriptor. Idempotent. */
  void shutdown();

  /** Frees its own descriptor; called once nobody reads or writes any more. Idempotent. */
  void close();
}
