package io.n0stack.n0core.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** What trials took; one whose event never came took for ever, and so did the median and the longest. */
final class MembershipTrials {
  private final List<Double> values = new ArrayList<>();
  private int unseen;

  void add(OptionalDouble value) {
    if (value.isPresent()) {
      values.add(value.getAsDouble());
    } else {
      unseen++;
    }
  }

  double median() {
    return unseen > 0 || values.isEmpty() ? Double.POSITIVE_INFINITY : Rounds.median(array());
  }

  double longest() {
    return unseen > 0 || values.isEmpty()
        ? Double.POSITIVE_INFINITY
        : values.stream().mapToDouble(value -> value).max().orElseThrow();
  }

  private double[] array() {
    return values.stream().mapToDouble(value -> value).toArray();
  }

  /** Those seen, as shortest/median/longest of how many. */
  String text(String unit, double factor) {
    if (values.isEmpty()) {
      return "none of " + unseen + " seen";
    }
    double[] all = array();
    String text = String.format(
        Locale.ROOT,
        "%.2f/%.2f/%.2f %s of %d",
        factor * values.stream().mapToDouble(value -> value).min().orElseThrow(),
        factor * Rounds.median(all),
        factor * values.stream().mapToDouble(value -> value).max().orElseThrow(),
        unit,
        values.size());
    return unseen == 0 ? text : text + ", " + unseen + " not seen";
  }
}
