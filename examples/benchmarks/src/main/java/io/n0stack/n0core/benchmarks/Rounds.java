package io.n0stack.n0core.benchmarks;

import java.util.Arrays;

/** Times two sides in turn, so that a machine that gets slower gets slower for both. */
final class Rounds {
  private Rounds() {}

  /** Something to be timed. */
  interface Side {
    void run() throws Exception;
  }

  /**
   * What the two sides took.
   *
   * @param oursMicros median of our side, in microseconds per operation
   * @param theirsMicros median of the other side
   */
  record Medians(double oursMicros, double theirsMicros) {
    double ratio() {
      return theirsMicros / oursMicros;
    }

    String detail(String peer) {
      return String.format(
          java.util.Locale.ROOT, "ours %.1f us, %s %.1f us", oursMicros, peer, theirsMicros);
    }
  }

  static Medians inTurn(int rounds, int oursPerRound, Side ours, int theirsPerRound, Side theirs)
      throws Exception {
    double[] our = new double[rounds];
    double[] their = new double[rounds];
    micros(oursPerRound, ours); // warms up
    micros(1, theirs);
    for (int i = 0; i < rounds; i++) {
      our[i] = micros(oursPerRound, ours);
      their[i] = micros(theirsPerRound, theirs);
    }
    return new Medians(median(our), median(their));
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static double micros(int times, Side side) throws Exception {
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      side.run();
    }
    return (System.nanoTime() - start) / 1e3 / times;
  }
}
