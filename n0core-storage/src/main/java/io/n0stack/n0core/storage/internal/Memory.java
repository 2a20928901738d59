package io.n0stack.n0core.storage.internal;

import java.nio.ByteBuffer;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/** Addresses of direct buffers. */
final class Memory {
  private Memory() {}

  static long address(ByteBuffer direct) {
    return Pointer.wrap(Runtime.getSystemRuntime(), direct).address();
  }
}
