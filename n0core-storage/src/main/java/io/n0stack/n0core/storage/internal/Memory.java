package io.n0stack.n0core.storage.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;
import org.jspecify.annotations.Nullable;

/**
 * Memory outside the heap for what system calls take by address: a structure, two names and some bytes
 * of content. It is freed with its object, so that its owner has to be in use beyond each call; owners
 * are closed. Not thread-safe.
 */
final class Memory {
  static final int CONTENT_BYTES = 2816;
  private static final int NAME_BYTES = 512; // more than a name can have, and most paths
  private static final int STRUCT_BYTES = 256; // as many as the largest, struct statx
  private static final int FIRST = STRUCT_BYTES;
  private static final int SECOND = FIRST + NAME_BYTES;
  private static final int CONTENT = SECOND + NAME_BYTES;
  private static final int ALL_BYTES = CONTENT + CONTENT_BYTES;

  private static final Queue<Memory> SPARE = new ConcurrentLinkedQueue<>();

  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(ALL_BYTES).order(ByteOrder.nativeOrder());
  private final long address = address(buffer);
  private @Nullable ByteBuffer longFirst;
  private @Nullable ByteBuffer longSecond;

  static long address(ByteBuffer direct) {
    return Pointer.wrap(Runtime.getSystemRuntime(), direct).address();
  }

  /**
   * Makes a call with memory that others have used before it: to make some, and have it collected, takes longer
   * than a look at a file. Of what is in it nothing may be kept.
   */
  static <R> R lent(Function<Memory, R> call) {
    Memory spare = SPARE.poll();
    Memory memory = spare == null ? new Memory() : spare;
    try {
      return call.apply(memory);
    } finally {
      SPARE.add(memory); // as many as there ever were calls at once
    }
  }

  /** Returns where the structure is. */
  long struct() {
    return address;
  }

  /** Returns the structure, at the buffer's beginning, as the last call left it. */
  ByteBuffer structure() {
    return buffer;
  }

  /** Puts a name and returns where it is. */
  long first(String name) {
    if (put(name, FIRST)) {
      return address + FIRST;
    }
    longFirst = encoded(name);
    return address(longFirst);
  }

  /** Puts another name and returns where it is. */
  long second(String name) {
    if (put(name, SECOND)) {
      return address + SECOND;
    }
    longSecond = encoded(name);
    return address(longSecond);
  }

  /** Copies content, no more than there is room for, and returns where it is. */
  long content(ByteBuffer bytes, int count) {
    buffer.put(CONTENT, bytes, bytes.position(), count);
    return address + CONTENT;
  }

  /** Puts a name of few letters that all encodings have, which nearly all are. */
  private boolean put(String name, int at) {
    int length = name.length();
    if (length >= NAME_BYTES) {
      return false;
    }
    for (int i = 0; i < length; i++) {
      char letter = name.charAt(i);
      if (letter >= 0x80) {
        return false;
      }
      buffer.put(at + i, (byte) letter);
    }
    buffer.put(at + length, (byte) 0);
    return true;
  }

  private static ByteBuffer encoded(String name) {
    byte[] bytes = name.getBytes(SystemCalls.NAMES);
    return ByteBuffer.allocateDirect(bytes.length + 1).put(bytes).rewind();
  }
}
