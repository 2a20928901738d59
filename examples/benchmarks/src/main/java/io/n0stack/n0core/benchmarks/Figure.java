package io.n0stack.n0core.benchmarks;

import java.util.Locale;

/**
 * A measured value and the bound it must keep.
 *
 * @param name module and what was measured
 * @param value what was measured
 * @param unit its unit
 * @param bound what it must keep
 * @param direction on which side of the bound it must be
 * @param detail both sides as measured
 */
record Figure(
    String name, double value, String unit, double bound, Direction direction, String detail) {
  /** On which side of the bound a value must be. */
  enum Direction {
    AT_LEAST(">="),
    AT_MOST("<=");

    private final String sign;

    Direction(String sign) {
      this.sign = sign;
    }
  }

  boolean kept() {
    return direction == Direction.AT_LEAST ? value >= bound : value <= bound;
  }

  String line() {
    return String.format(
        Locale.ROOT,
        "%-44s %10.2f %-3s  %s %-8.2f %-5s (%s)",
        name,
        value,
        unit,
        direction.sign,
        bound,
        kept() ? "ok" : "SHORT",
        detail);
  }
}
