package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Makes a value of an answer.
 *
 * @param <T> the value
 */
@FunctionalInterface
public interface Decoder<T> {
  /**
   * Decodes the message between two offsets.
   *
   * @param bytes in native order
   * @param from where it begins
   * @param to where it ends
   * @return the value, null if the message is about something else or is cut short
   */
  @Nullable T decode(ByteBuffer bytes, int from, int to);
}
