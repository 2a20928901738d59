package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import java.util.Locale;

/**
 * A side that ours is compared with.
 *
 * @param name what it is called
 * @param spent what an operation takes it
 */
record Against(String name, Spent spent) {
  /** How many times as fast ours is; others are only shown. */
  Figure faster(String what, double bound, Spent ours, Against... shown) {
    double ratio = spent.wallMicros() / ours.wallMicros();
    return figure(what + ", than " + name, ratio, bound, Direction.AT_LEAST, ours, shown);
  }

  /** Our time over the other's. */
  Figure over(String what, double bound, Spent ours) {
    double ratio = ours.wallMicros() / spent.wallMicros();
    return figure(what + ", over " + name, ratio, bound, Direction.AT_MOST, ours);
  }

  private Figure figure(
      String what, double ratio, double bound, Direction direction, Spent ours, Against... shown) {
    StringBuilder detail = new StringBuilder(new Against("ours", ours).text());
    detail.append(", ").append(text());
    for (Against other : shown) {
      detail.append(", ").append(other.text());
    }
    return new Figure("storage: " + what, ratio, "x", bound, direction, detail.toString());
  }

  private String text() {
    return String.format(Locale.ROOT, "%s %.1f us", name, spent.wallMicros());
  }
}
