package io.n0stack.n0core.tck.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What a runtime that was loaded for this alone is asked: does the enumerator reject you? */
public final class FirstViolation {
  private FirstViolation() {}

  /**
   * Enumerates until something is wrong.
   *
   * @param likely the scenario to begin with
   * @return the first violation, empty if there is none
   */
  public static String find(String likely) {
    Map<String, Supplier<Scenario>> scenarios = Scenarios.all();
    List<String> names = new ArrayList<>(scenarios.keySet());
    if (!names.remove(likely)) {
      throw new IllegalArgumentException("no scenario \"" + likely + "\"");
    }
    names.add(0, likely);
    for (String name : names) {
      Supplier<Scenario> scenario = scenarios.get(name);
      List<String> violations = scenario == null
          ? List.of()
          : CrashEnumerator.enumerate(scenario.get(), 1).violations();
      if (!violations.isEmpty()) {
        return name + ": " + violations.get(0);
      }
    }
    return "";
  }

  /**
   * Enumerates one scenario.
   *
   * @param name the scenario
   * @return the first violation, empty if there is none
   */
  public static String findIn(String name) {
    Supplier<Scenario> scenario = Scenarios.all().get(name);
    if (scenario == null) {
      throw new IllegalArgumentException("no scenario \"" + name + "\"");
    }
    List<String> violations = CrashEnumerator.enumerate(scenario.get(), 1).violations();
    return violations.isEmpty() ? "" : violations.get(0);
  }
}
