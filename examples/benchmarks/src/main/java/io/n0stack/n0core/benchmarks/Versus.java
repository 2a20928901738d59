package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Figures of the network module that compare two sides. */
final class Versus {
  private Versus() {}

  /** Time of ours over that of C. */
  static Figure c(String what, double bound, Spent ours, Spent theirs) {
    return atMost("net: " + what + ", over C", bound, ours, theirs, Spent::wallMicros);
  }

  /** CPU of ours over that of C. */
  static Figure cpu(String what, double bound, Spent ours, Spent theirs) {
    return atMost("net: " + what + ", CPU over C", bound, ours, theirs, Spent::cpuMicros);
  }

  /** Times as fast as Go's library. */
  static Figure go(String what, double bound, Spent ours, Spent theirs) {
    return atLeast("net: " + what + ", than Go", "Go", bound, ours, theirs);
  }

  /** Times as fast as forking ip. */
  static Figure ip(String what, double bound, Spent ours, Spent theirs) {
    return atLeast("net: " + what + ", than ip", "ip", bound, ours, theirs);
  }

  private static Figure atMost(
      String name, double bound, Spent ours, Spent theirs, ToDoubleFunction<Spent> part) {
    double mine = part.applyAsDouble(ours);
    double other = part.applyAsDouble(theirs);
    return new Figure(name, mine / other, "x", bound, Direction.AT_MOST, detail("C", ours, theirs));
  }

  private static Figure atLeast(String name, String peer, double bound, Spent ours, Spent theirs) {
    return new Figure(
        name,
        theirs.wallMicros() / ours.wallMicros(),
        "x",
        bound,
        Direction.AT_LEAST,
        detail(peer, ours, theirs));
  }

  private static String detail(String peer, Spent ours, Spent theirs) {
    return String.format(
        Locale.ROOT,
        "ours %.1f us, CPU %.1f; %s %.1f us, CPU %.1f",
        ours.wallMicros(),
        ours.cpuMicros(),
        peer,
        theirs.wallMicros(),
        theirs.cpuMicros());
  }
}
