package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;

/** Takes what the kernel answers. */
@FunctionalInterface
public interface Answers {
  /**
   * Takes an answer that lies between two offsets, its header included. It is valid for this call.
   *
   * @param bytes in native order
   * @param from where its header begins
   * @param to where it ends
   */
  void accept(ByteBuffer bytes, int from, int to);
}
