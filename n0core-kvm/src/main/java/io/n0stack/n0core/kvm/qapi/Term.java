package io.n0stack.n0core.kvm.qapi;

import java.util.Locale;
import java.util.Optional;

/**
 * A word from a list that QEMU may lengthen: its text, and the constant if this version knows it.
 *
 * @param text the word as QEMU sent it
 * @param known the constant, empty for a word that was added later
 * @param <E> the words that are known
 * @since 0.1
 */
public record Term<E extends Enum<E>>(String text, Optional<E> known) {
  /**
   * Looks a word up.
   *
   * @param type the words that are known
   * @param text a word as QEMU sends it, such as {@code io-error}
   * @param <E> the same
   * @return the word, known or not
   */
  public static <E extends Enum<E>> Term<E> of(Class<E> type, String text) {
    for (E constant : type.getEnumConstants()) {
      if (textOf(constant).equals(text)) {
        return new Term<E>(text, Optional.of(constant));
      }
    }
    return new Term<E>(text, Optional.empty());
  }

  /**
   * Tells whether this is a given word.
   *
   * @param constant a known word
   * @return whether QEMU sent it
   */
  public boolean is(E constant) {
    return known.isPresent() && known.get() == constant;
  }

  /** Returns the word as QEMU sent it. */
  @Override
  public String toString() {
    return text;
  }

  static String textOf(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
