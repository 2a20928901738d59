package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * What the values of one source for one kind of target mean.
 *
 * @param provider the source
 * @param target what they are about
 * @param stats the values
 * @since 0.1
 */
public record StatsSchema(String provider, Term<StatsTarget> target, List<StatSchema> stats) {
  /** Copies the lists. */
  public StatsSchema {
    stats = List.copyOf(stats);
  }

  static StatsSchema from(QmpResult result) {
    return new StatsSchema(
        result.text("/provider"),
        Read.term(StatsTarget.class, result, "/target"),
        Read.list(result, "/stats", StatSchema::from));
  }
}
