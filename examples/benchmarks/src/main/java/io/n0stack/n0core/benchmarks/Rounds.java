package io.n0stack.n0core.benchmarks;

import java.util.Arrays;
import java.util.Locale;

/**
 * Times two sides in turn, so that a machine that gets slower gets slower for both.
 *
 * <p>What counts is the pace that a side keeps in its fastest tenth of the rounds: the rest also
 * measures who else uses the machine, and that hits a side that forks harder than one that does not.
 */
final class Rounds {
  private static final int ROUNDS = 100;

  private Rounds() {}

  /** Something to be timed. */
  interface Side {
    void run() throws Exception;
  }

  /**
   * What the two sides took.
   *
   * @param oursMicros our side's pace, in microseconds per operation
   * @param theirsMicros the other side's
   */
  record Paces(double oursMicros, double theirsMicros) {
    double ratio() {
      return theirsMicros / oursMicros;
    }

    String detail(String peer) {
      return String.format(Locale.ROOT, "ours %.1f us, %s %.1f us", oursMicros, peer, theirsMicros);
    }
  }

  static Paces inTurn(int oursPerRound, Side ours, int theirsPerRound, Side theirs)
      throws Exception {
    double[] our = new double[ROUNDS];
    double[] their = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      our[i] = micros(oursPerRound, ours);
      their[i] = micros(theirsPerRound, theirs);
    }
    return new Paces(fastestTenth(our), fastestTenth(their));
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /** Returns the slowest of the fastest tenth. */
  static double fastestTenth(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[Math.max(1, sorted.length / 10) - 1];
  }

  private static double micros(int times, Side side) throws Exception {
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      side.run();
    }
    return (System.nanoTime() - start) / 1e3 / times;
  }
}
