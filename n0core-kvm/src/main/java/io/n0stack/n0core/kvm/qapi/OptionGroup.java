package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * A command line option and its parameters.
 *
 * @param option the option without its dash
 * @param parameters what it takes
 * @since 0.1
 */
public record OptionGroup(String option, List<OptionParameter> parameters) {
  /** Copies the lists. */
  public OptionGroup {
    parameters = List.copyOf(parameters);
  }

  static OptionGroup from(QmpResult result) {
    return new OptionGroup(
        result.text("/option"), Read.list(result, "/parameters", OptionParameter::from));
  }
}
