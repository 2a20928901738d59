package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;

/**
 * How many requests took how long.
 *
 * @param boundaries the limits between the intervals, in nanoseconds
 * @param bins the requests in each interval
 * @since 0.1
 */
public record LatencyHistogram(List<Long> boundaries, List<Long> bins) {
  /** Copies the lists. */
  public LatencyHistogram {
    boundaries = List.copyOf(boundaries);
    bins = List.copyOf(bins);
  }

  static LatencyHistogram from(QmpResult result) {
    return new LatencyHistogram(Read.numbers(result, "/boundaries"), Read.numbers(result, "/bins"));
  }
}
