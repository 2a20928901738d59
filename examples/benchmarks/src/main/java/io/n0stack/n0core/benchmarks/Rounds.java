package io.n0stack.n0core.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Times two or more sides in turn, so that a machine that gets slower gets slower for all.
 *
 * <p>The first two change places each round: whoever comes after a side that starts programs finds the
 * caches cold.
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

  /** Does its operation some number of times and tells what that took. */
  interface Contender {
    Spent times(int operations) throws Exception;
  }

  /**
   * One of those who take turns.
   *
   * @param operations how many it does in a round
   * @param contender does them
   */
  record Turn(int operations, Contender contender) {
    static Turn of(int operations, Side side) {
      return new Turn(operations, times -> Spent.by(times, side));
    }
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
    List<Spent> paces =
        inTurn(ROUNDS, Turn.of(oursPerRound, ours), Turn.of(theirsPerRound, theirs));
    return new Paces(paces.get(0).wallMicros(), paces.get(1).wallMicros());
  }

  /** Returns what an operation takes each side at its pace: by the clock, and of CPU. */
  static List<Spent> inTurn(int rounds, Turn... turns) throws Exception {
    Spent[][] spent = new Spent[turns.length][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int place = 0; place < turns.length; place++) {
        int i = place < 2 && turns.length > 1 ? place ^ (round & 1) : place;
        spent[i][round] = turns[i].contender().times(turns[i].operations());
      }
    }
    Spent[] paces = new Spent[turns.length];
    for (int i = 0; i < turns.length; i++) {
      paces[i] = new Spent(
          pace(spent[i], Spent::wallMicros) / turns[i].operations(),
          pace(spent[i], Spent::cpuMicros) / turns[i].operations());
    }
    return List.of(paces);
  }

  private static double pace(Spent[] rounds, ToDoubleFunction<Spent> part) {
    return fastestTenth(Arrays.stream(rounds).mapToDouble(part).toArray());
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
}
