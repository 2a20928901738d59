package io.n0stack.n0core.benchmarks;

import java.util.List;
import java.util.Locale;

/** Draws figures as SVG, with nothing but shapes and text. */
final class MembershipSvg {
  private static final int WIDTH = 720;
  private static final int LEFT = 70;
  private static final int RIGHT = 30;
  private static final int TOP = 50;
  private static final int BOTTOM = 60;
  private static final int PLOT = 280;
  private static final int ROW = 26;
  private static final int TICKS = 5;
  private static final double LETTER = 7.2; // about as wide as one is
  private static final List<String> COLOURS = List.of("#0b6e99", "#c4581f", "#4b7f2a");

  private final StringBuilder text = new StringBuilder();

  /**
   * Points that belong together.
   *
   * @param name what they are
   * @param points x and y of each, by x
   */
  record Series(String name, List<double[]> points) {}

  /**
   * A moment of a timeline.
   *
   * @param x when
   * @param label what happened
   */
  record Moment(double x, String label) {}

  private MembershipSvg(int height, String title) {
    text.append(String.format(
        Locale.ROOT,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
            + " font-size=\"13\">%n<title>%s</title>%n"
            + "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>%n",
        WIDTH,
        height,
        escaped(title),
        WIDTH,
        height));
    write(WIDTH / 2.0, 24, "middle", title);
  }

  /** Draws lines through points, over axes that begin at 0. */
  static String chart(String title, String xLabel, String yLabel, List<Series> all) {
    MembershipSvg svg = new MembershipSvg(TOP + PLOT + BOTTOM + ROW * all.size(), title);
    double xMost = nice(most(all, 0));
    double yMost = nice(most(all, 1));
    svg.axes(PLOT, xMost, xLabel);
    for (int i = 0; i <= TICKS; i++) {
      double y = TOP + PLOT - (double) PLOT * i / TICKS;
      svg.line(LEFT, y, WIDTH - RIGHT, y, "#dddddd");
      svg.write(LEFT - 8, y + 4, "end", number(yMost * i / TICKS));
    }
    svg.text.append(String.format(
        Locale.ROOT,
        "<text x=\"16\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">%s</text>%n",
        TOP + PLOT / 2,
        TOP + PLOT / 2,
        escaped(yLabel)));
    for (int i = 0; i < all.size(); i++) {
      svg.series(all.get(i), i, xMost, yMost);
    }
    return svg.end();
  }

  /** Draws moments along an axis, one below the other. */
  static String timeline(String title, String xLabel, List<Moment> moments) {
    int plot = ROW * (moments.size() + 1);
    MembershipSvg svg = new MembershipSvg(TOP + plot + BOTTOM, title);
    double xMost = nice(moments.stream().mapToDouble(Moment::x).max().orElse(1) * 1.02);
    svg.axes(plot, xMost, xLabel);
    for (int i = 0; i < moments.size(); i++) {
      Moment moment = moments.get(i);
      double x = x(moment.x(), xMost);
      double y = TOP + ROW * (i + 0.75);
      svg.line(x, y, x, TOP + plot, "#bbbbbb");
      svg.dot(x, y, COLOURS.get(0));
      boolean late = x + LETTER * moment.label().length() > WIDTH - RIGHT;
      svg.write(late ? x - 9 : x + 9, y + 4, late ? "end" : "start", moment.label());
    }
    return svg.end();
  }

  private void axes(int plot, double xMost, String label) {
    for (int i = 0; i <= TICKS; i++) {
      double x = x(xMost * i / TICKS, xMost);
      line(x, TOP + plot, x, TOP + plot + 5, "#333333");
      write(x, TOP + plot + 20, "middle", number(xMost * i / TICKS));
    }
    line(LEFT, TOP + plot, WIDTH - RIGHT, TOP + plot, "#333333");
    line(LEFT, TOP, LEFT, TOP + plot, "#333333");
    write((LEFT + WIDTH - RIGHT) / 2.0, TOP + plot + 42, "middle", label);
  }

  private void series(Series series, int number, double xMost, double yMost) {
    String colour = COLOURS.get(number % COLOURS.size());
    StringBuilder points = new StringBuilder();
    for (double[] point : series.points()) {
      double x = x(point[0], xMost);
      double y = TOP + PLOT * (1 - point[1] / yMost);
      points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
      dot(x, y, colour);
      write(x, y - 9, "middle", number(point[1]));
    }
    text.append(String.format(
        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>%n",
        points.toString().strip(), colour, number == 0 ? "" : " stroke-dasharray=\"6 4\""));
    double y = TOP + PLOT + BOTTOM + ROW * (number + 0.4);
    dot(LEFT + 10, y, colour);
    write(LEFT + 22, y + 4, "start", series.name());
  }

  private static double x(double value, double most) {
    return LEFT + (WIDTH - RIGHT - LEFT) * value / most;
  }

  private static double most(List<Series> all, int coordinate) {
    return all.stream()
        .flatMap(series -> series.points().stream())
        .mapToDouble(point -> point[coordinate])
        .max()
        .orElse(1);
  }

  /** The next number up that divides well. */
  private static double nice(double value) {
    double power = Math.pow(10, Math.floor(Math.log10(value)));
    for (double step : new double[] {1, 1.5, 2, 2.5, 3, 4, 5, 6, 8}) {
      if (value <= step * power) {
        return step * power;
      }
    }
    return 10 * power;
  }

  private static String number(double value) {
    return value == Math.rint(value) || value >= 100
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.1f", value);
  }

  private void line(double x1, double y1, double x2, double y2, String colour) {
    text.append(String.format(
        Locale.ROOT,
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n",
        x1,
        y1,
        x2,
        y2,
        colour));
  }

  private void dot(double x, double y, String colour) {
    text.append(String.format(
        Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>%n", x, y, colour));
  }

  private void write(double x, double y, String anchor, String what) {
    text.append(String.format(
        Locale.ROOT,
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#222222\" stroke=\"#ffffff\""
            + " stroke-width=\"3\" paint-order=\"stroke\">%s</text>%n",
        x,
        y,
        anchor,
        escaped(what)));
  }

  private static String escaped(String what) {
    return what.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  private String end() {
    return text + "</svg>\n";
  }
}
