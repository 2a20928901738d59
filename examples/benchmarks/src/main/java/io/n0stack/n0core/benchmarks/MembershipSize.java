package io.n0stack.n0core.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * What was measured with a number of members.
 *
 * @param members how many
 * @param grown after how many seconds all saw all
 * @param api after how many seconds the API saw all, if there is one
 * @param kills how long it took until nobody saw one any more whose process had ended
 * @param bytes what a member sends a second
 * @param packets how many packets, or frames, that is
 */
record MembershipSize(
    int members,
    OptionalDouble grown,
    OptionalDouble api,
    MembershipTrials kills,
    double bytes,
    double packets) {
  private static final int LEAST_COMPARED = 50;

  static String seconds(OptionalDouble value) {
    return value.isPresent()
        ? String.format(Locale.ROOT, "%.1f s", value.getAsDouble())
        : "not in time";
  }

  static String slowed(int factor) {
    return factor == 1 ? "default times" : "all times of the protocol " + factor + " times as long";
  }

  /** Counts the sizes at which all saw all. */
  static double grown(List<MembershipSize> sizes) {
    return sizes.stream().filter(size -> size.grown().isPresent()).count();
  }

  /** Counts the sizes at which all knew of all that were killed. */
  static double known(List<MembershipSize> sizes) {
    return sizes.stream()
        .filter(size -> Double.isFinite(size.kills().longest()))
        .count();
  }

  static String texts(List<MembershipSize> sizes, Function<MembershipSize, String> part) {
    StringBuilder text = new StringBuilder();
    sizes.forEach(size ->
        text.append(size.members()).append(": ").append(part.apply(size)).append(", "));
    return text.toString();
  }

  /** The most over the least, from 50 members on; no number unless all of so many sizes agreed. */
  static double ratio(List<MembershipSize> sizes, int all, ToDoubleFunction<MembershipSize> part) {
    double[] sorted = sizes.stream()
        .filter(size -> size.members() >= LEAST_COMPARED)
        .mapToDouble(part)
        .sorted()
        .toArray();
    return grown(sizes) == all ? sorted[sorted.length - 1] / sorted[0] : Double.NaN;
  }

  String text() {
    return String.format(
        Locale.ROOT,
        "%d members: all see all after %s%s; an end is known to all after %s; %.0f B/s and %.2f/s"
            + " each",
        members,
        seconds(grown),
        api.isPresent() ? ", the API after " + seconds(api) : "",
        kills.text("s", 1),
        bytes,
        packets);
  }
}
