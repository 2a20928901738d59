package io.n0stack.n0core.tck.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class CrashEnumeratorTest {
  @Test
  void noDeathAndNoPairOfDeathsBreaksThePromise() {
    long start = System.nanoTime();
    int schedules = 0;
    List<String> violations = new ArrayList<>();
    for (Map.Entry<String, Supplier<Scenario>> scenario : Scenarios.all().entrySet()) {
      CrashEnumerator.Report report =
          CrashEnumerator.enumerate(scenario.getValue().get(), 3);
      System.out.printf(
          "%-20s %6d schedules, %d violations%n",
          scenario.getKey(), report.schedules(), report.violations().size());
      schedules += report.schedules();
      violations.addAll(report.violations());
    }
    System.out.printf(
        "%d schedules, %d violations, %.1f s%n",
        schedules, violations.size(), (System.nanoTime() - start) / 1e9);
    assertThat(violations).isEmpty();
    assertThat(schedules).isGreaterThanOrEqualTo(7000);
  }
}
