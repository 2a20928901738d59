package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the last answer that is one.
 *
 * @param <T> what the answers are
 */
public final class Found<T> implements Answers {
  private final Decoder<T> decoder;
  private @Nullable T value;

  /**
   * Keeps nothing yet.
   *
   * @param decoder makes values of answers
   */
  public Found(Decoder<T> decoder) {
    this.decoder = decoder;
  }

  @Override
  public void accept(ByteBuffer bytes, int from, int to) {
    T decoded = decoder.decode(bytes, from, to);
    if (decoded != null) {
      value = decoded;
    }
  }

  /**
   * Returns what was kept.
   *
   * @return the value, empty if there is none
   */
  public Optional<T> value() {
    return Optional.ofNullable(value);
  }
}
