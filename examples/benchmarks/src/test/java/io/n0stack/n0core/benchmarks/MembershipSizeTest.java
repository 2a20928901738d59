package io.n0stack.n0core.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class MembershipSizeTest {
  private static MembershipSize size(int members, OptionalDouble grown, double bytes) {
    return new MembershipSize(
        members, grown, OptionalDouble.empty(), new MembershipTrials(), bytes, 1);
  }

  @Test
  void trafficIsComparedFromFiftyMembersOn() {
    List<MembershipSize> sizes = List.of(
        size(10, OptionalDouble.of(1), 1000),
        size(50, OptionalDouble.of(1), 120),
        size(200, OptionalDouble.of(1), 100));

    assertThat(MembershipSize.ratio(sizes, 3, MembershipSize::bytes)).isEqualTo(1.2);
  }

  @Test
  void trafficOfMembersThatHaveNotAgreedIsNoFigure() {
    List<MembershipSize> sizes =
        List.of(size(50, OptionalDouble.of(1), 100), size(200, OptionalDouble.empty(), 100));

    assertThat(MembershipSize.ratio(sizes, 2, MembershipSize::bytes)).isNaN();
    assertThat(MembershipSize.ratio(sizes.subList(0, 1), 2, MembershipSize::bytes))
        .isNaN();
  }
}
