package io.n0stack.n0core.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class FigureTest {
  @Test
  void aFigureOnItsBoundIsKept() {
    assertThat(figure(8, Direction.AT_LEAST).kept()).isTrue();
    assertThat(figure(8, Direction.AT_MOST).kept()).isTrue();
  }

  @Test
  void aFigureOnTheWrongSideOfItsBoundIsShort() {
    assertThat(figure(7.9, Direction.AT_LEAST).kept()).isFalse();
    assertThat(figure(8.1, Direction.AT_MOST).kept()).isFalse();
    assertThat(figure(Double.NaN, Direction.AT_MOST).kept()).isFalse();
    assertThat(figure(7.9, Direction.AT_LEAST).line()).contains(">= 8.00", "SHORT");
  }

  @Test
  void aPaceIsTheSlowestOfTheFastestTenth() {
    double[] rounds = IntStream.range(0, 100).mapToDouble(i -> 100 - i).toArray();

    assertThat(Rounds.fastestTenth(rounds)).isEqualTo(10);
    assertThat(rounds[0]).isEqualTo(100);
  }

  @Test
  void sidesTakeTurnsAlsoInBeingFirst() throws Exception {
    StringBuilder turns = new StringBuilder();

    Rounds.Paces paces = Rounds.inTurn(2, () -> turns.append('o'), 1, () -> turns.append('t'));

    assertThat(turns).startsWith("oottoooottoo").endsWith("ottoo");
    assertThat(paces.ratio()).isPositive();
  }

  private static Figure figure(double value, Direction direction) {
    return new Figure("net: made up", value, "x", 8, direction, "");
  }
}
