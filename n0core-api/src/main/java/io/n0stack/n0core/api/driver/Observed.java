package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.Rules;

/**
 * What a look at the data plane found. "I could not look" is {@link Unknown}, never {@link Absent}.
 *
 * @param <T> the status of what was looked for
 * @since 0.1
 */
public sealed interface Observed<T> {
  /**
   * It is there.
   *
   * @param status what it is like
   * @param complete whether it is what its spec asks for; if not it is half made, or has drifted, and
   *     {@link Driver#apply} or {@link Driver#delete} will finish it
   * @param <T> the type of the status
   */
  record Present<T>(T status, boolean complete) implements Observed<T> {}

  /**
   * It is proved not to be there.
   *
   * @param <T> the type of the status
   */
  record Absent<T>() implements Observed<T> {}

  /**
   * It could not be seen: stuck, unreachable, unreadable. Nobody may touch it because of this answer.
   *
   * @param why the reason, for people
   * @param <T> the type of the status
   */
  record Unknown<T>(String why) implements Observed<T> {
    /** Checks that a reason is given. */
    public Unknown {
      if (why.isBlank()) {
        throw new IllegalArgumentException(
            "invalid why " + Rules.quote(why) + ": must not be blank");
      }
    }
  }

  /**
   * Reports a resource that is what its spec asks for.
   *
   * @param status what it is like
   * @param <T> the type of the status
   * @return a complete presence
   */
  static <T> Observed<T> complete(T status) {
    return new Present<>(status, true);
  }

  /**
   * Reports a resource that is half made or has drifted.
   *
   * @param status what it is like
   * @param <T> the type of the status
   * @return an incomplete presence
   */
  static <T> Observed<T> incomplete(T status) {
    return new Present<>(status, false);
  }

  /**
   * Reports a resource that is proved not to exist.
   *
   * @param <T> the type of the status
   * @return an absence
   */
  static <T> Observed<T> absent() {
    return new Absent<>();
  }

  /**
   * Reports that looking failed.
   *
   * @param why the reason, for people
   * @param <T> the type of the status
   * @return an unknown
   */
  static <T> Observed<T> unknown(String why) {
    return new Unknown<>(why);
  }
}
