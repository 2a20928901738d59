package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A parameter of a command line option.
 *
 * @param name its name
 * @param type what its value is
 * @param help a sentence on it
 * @param defaultValue what holds if it is not given
 * @since 0.1
 */
public record OptionParameter(
    String name, Term<OptionType> type, Optional<String> help, Optional<String> defaultValue) {
  static OptionParameter from(QmpResult result) {
    return new OptionParameter(
        result.text("/name"),
        Read.term(OptionType.class, result, "/type"),
        Read.optText(result, "/help"),
        Read.optText(result, "/default"));
  }
}
