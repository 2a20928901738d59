package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;

/**
 * Values of one source for one target.
 *
 * @param provider the source, such as {@code kvm}
 * @param qomPath the processor, empty for the machine
 * @param values the values
 * @since 0.1
 */
public record Stats(String provider, Optional<String> qomPath, List<Stat> values) {
  /** Copies the lists. */
  public Stats {
    values = List.copyOf(values);
  }

  static Stats from(QmpResult result) {
    return new Stats(
        result.text("/provider"),
        Read.optText(result, "/qom-path"),
        Read.list(result, "/stats", Stat::from));
  }
}
