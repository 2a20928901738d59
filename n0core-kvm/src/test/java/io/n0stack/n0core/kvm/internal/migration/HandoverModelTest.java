package io.n0stack.n0core.kvm.internal.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every order of steps, messages, crashes and losses of two attempts to move one machine. */
class HandoverModelTest {
  @Test
  void neverRunTwoCopiesAndNoStateIsBeyondRecovery() {
    HandoverModel model = new HandoverModel(EnumSet.noneOf(Flaw.class));

    HandoverModel.Result result = model.explore();

    assertThat(result.violation()).isEmpty();
    assertThat(result.states()).isGreaterThan(10_000);
    assertThat(result.beyondRecovery()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Flaw.class)
  void modelSeesEachRuleBroken(Flaw flaw) {
    HandoverModel.Result result = new HandoverModel(EnumSet.of(flaw)).explore();

    assertThat(result.violation().isPresent() || result.beyondRecovery().isPresent())
        .as("what comes of %s", flaw)
        .isTrue();
  }
}
