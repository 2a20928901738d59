package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.MembershipSvg.Series;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Draws what was measured, if a directory for that is named. */
final class MembershipPlots {
  private static final String DIRECTORY = System.getProperty("n0core.benchmarks.plots", "");
  private static final String MILLIS = "milliseconds";

  private MembershipPlots() {}

  static void death(MembershipTimeline timeline) throws IOException {
    write(
        "membership-death.svg",
        MembershipSvg.timeline("An agent is killed, of ten members", MILLIS, timeline.death()));
  }

  static void departure(MembershipTimeline timeline) throws IOException {
    write(
        "membership-departure.svg",
        MembershipSvg.timeline("An agent stops, of ten members", MILLIS, timeline.departure()));
  }

  /** Draws what was measured of many members that are connected in memory. */
  static void simulated(List<MembershipSize> sizes, int factor) throws IOException {
    String slowed = factor == 1 ? "" : ", all times of the protocol times " + factor;
    write(
        "membership-convergence.svg",
        MembershipSvg.chart(
            "Until members know" + slowed,
            "members",
            "seconds",
            List.of(
                series(
                    "from the last join, until all see all",
                    sizes,
                    size -> size.grown().orElse(Double.NaN)),
                series(
                    "the same, until the API sees all",
                    sizes,
                    size -> size.api().orElse(Double.NaN)),
                series(
                    "from the end of one, until no other sees it; median of three",
                    sizes,
                    size -> size.kills().median()))));
    write(
        "membership-traffic.svg",
        MembershipSvg.chart(
            "What a member sends at rest" + slowed,
            "members",
            "bytes per second",
            List.of(series("frames, answers included", sizes, MembershipSize::bytes))));
    write("membership-simulation.csv", table(sizes));
  }

  static void scale(List<MembershipSize> sizes) throws IOException {
    write("membership-scale.csv", table(sizes));
  }

  private static String table(List<MembershipSize> sizes) {
    StringBuilder table =
        new StringBuilder("members,grown_s,api_s,kill_s,bytes_per_s,packets_per_s\n");
    for (MembershipSize size : sizes) {
      table.append(String.format(
          Locale.ROOT,
          "%d,%.2f,%.2f,%.2f,%.0f,%.2f%n",
          size.members(),
          size.grown().orElse(Double.NaN),
          size.api().orElse(Double.NaN),
          size.kills().median(),
          size.bytes(),
          size.packets()));
    }
    return table.toString();
  }

  private static Series series(
      String name, List<MembershipSize> sizes, ToDoubleFunction<MembershipSize> value) {
    return new Series(
        name,
        sizes.stream()
            .map(size -> new double[] {size.members(), value.applyAsDouble(size)})
            .filter(point -> Double.isFinite(point[1]))
            .toList());
  }

  private static void write(String name, String text) throws IOException {
    if (!DIRECTORY.isEmpty()) {
      Files.writeString(Files.createDirectories(Path.of(DIRECTORY)).resolve(name), text);
    }
  }
}
