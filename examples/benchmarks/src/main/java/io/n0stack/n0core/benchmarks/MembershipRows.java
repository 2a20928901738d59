package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The figures so far. They take long, so that each is also shown when it is taken, and what cannot be
 * measured is a figure that is short and does not keep the others from being taken.
 */
final class MembershipRows {
  private static final double BUSY = 2;

  private final List<Figure> figures = new ArrayList<>();

  /** Takes figures. */
  interface Taking {
    void take() throws Exception;
  }

  List<Figure> figures() {
    return List.copyOf(figures);
  }

  @SuppressWarnings("IllegalCatch") // whatever it is: the others are taken
  void take(String what, Taking taking) throws InterruptedException {
    System.err.println("membership: " + what + " ...");
    try {
      taking.take();
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      add(new Figure(
          "membership: " + what, Double.NaN, "", 0, Direction.AT_MOST, "not measured: " + e));
    }
  }

  void atMost(String what, double value, String unit, double bound, String detail)
      throws IOException {
    add(new Figure("membership: " + what, value, unit, bound, Direction.AT_MOST, detail + busy()));
  }

  void atLeast(String what, double value, String unit, double bound, String detail)
      throws IOException {
    add(new Figure("membership: " + what, value, unit, bound, Direction.AT_LEAST, detail + busy()));
  }

  private void add(Figure figure) {
    System.err.println(figure.line());
    figures.add(figure);
  }

  /** Says so if others use the machine, too. */
  private static String busy() throws IOException {
    double load = Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ", -1)[0]);
    return load > BUSY ? String.format(Locale.ROOT, "; load %.1f", load) : "";
  }
}
