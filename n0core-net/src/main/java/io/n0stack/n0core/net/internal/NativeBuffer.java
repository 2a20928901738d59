package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/** Memory at a fixed address, in native byte order. Not thread-safe. */
public final class NativeBuffer {
  private final ByteBuffer bytes;
  private final long address;

  /**
   * Wraps a direct buffer.
   *
   * @param direct the memory; its position and limit are ignored
   */
  public NativeBuffer(ByteBuffer direct) {
    if (!direct.isDirect()) {
      throw new IllegalArgumentException("the buffer must be direct");
    }
    bytes = direct.duplicate().clear().order(ByteOrder.nativeOrder());
    address = Pointer.wrap(Runtime.getSystemRuntime(), bytes).address();
  }

  /**
   * Allocates zeroed memory.
   *
   * @param size bytes
   * @return new memory
   */
  public static NativeBuffer allocate(int size) {
    return new NativeBuffer(ByteBuffer.allocateDirect(size));
  }

  /**
   * Returns the memory, for absolute access.
   *
   * @return the same buffer at each call
   */
  public ByteBuffer bytes() {
    return bytes;
  }

  /**
   * Returns how much memory it is.
   *
   * @return bytes
   */
  public int size() {
    return bytes.capacity();
  }

  long address() {
    return address;
  }
}
