package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.time.Instant;

/**
 * When a password ceases to be valid.
 *
 * @since 0.1
 */
public sealed interface PasswordExpiry {
  /**
   * At once.
   *
   * @since 0.1
   */
  record Now() implements PasswordExpiry {}

  /**
   * Never.
   *
   * @since 0.1
   */
  record Never() implements PasswordExpiry {}

  /**
   * After some time.
   *
   * @param time how long it stays valid, in whole seconds, at least one
   * @since 0.1
   */
  record After(Duration time) implements PasswordExpiry {
    /** Checks the time. */
    public After {
      Rules.range("time", time.toSeconds(), 1, Integer.MAX_VALUE);
    }
  }

  /**
   * At a time of the host's clock.
   *
   * @param time when
   * @since 0.1
   */
  record At(Instant time) implements PasswordExpiry {
    /** Checks the time. */
    public At {
      Rules.range("time", time.getEpochSecond(), 1, Long.MAX_VALUE);
    }
  }
}
