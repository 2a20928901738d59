package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;

/** The death of the process before and after every step. */
final class CrashCases<S extends Spec, T> {
  private final Bench<S, T> bench;
  private final DriverFixture<S, T> fixture;

  CrashCases(Bench<S, T> bench) {
    this.bench = bench;
    this.fixture = bench.fixture;
  }

  private interface Crash {
    boolean at(int point, ResourceId id);
  }

  void simulated(Act act, boolean finish) {
    if (bench.acts().contains(act)) {
      everywhere(act, finish, (point, id) -> simulated(act, point, id));
    }
  }

  private boolean simulated(Act act, int point, ResourceId id) {
    StandaloneContext cx = bench.context().crashAt(point);
    try (Driver<S, T> driver = fixture.open()) {
      act.run(fixture, driver, cx, id);
      return false;
    } catch (SimulatedCrash e) {
      return true;
    }
  }

  void killed(Act act) {
    if (fixture.recipe().isEmpty() || !bench.acts().contains(act)) {
      return;
    }
    bench.trying(Topic.KILLED_PROCESS);
    try (CrashingProcesses processes = new CrashingProcesses(fixture.recipe().orElseThrow())) {
      everywhere(act, true, (point, id) -> processes.next().crashes(act, point, id));
    }
  }

  private void everywhere(Act act, boolean finish, Crash crash) {
    List<String> before = fixture.residue();
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      ResourceId id = bench.fresh();
      bench.with(driver -> act.prepare(bench, driver, id));
      crashed = crash.at(point, id);
      String at = "a crash of " + act + " at point " + point;
      if (crashed) {
        bench.countCrashPoint();
      } else {
        bench.holds("crash points of " + act, point > 0);
      }
      bench.with(driver -> {
        bench.honest(driver, id, before, at);
        if (finish) {
          act.run(fixture, driver, bench.context(), id);
          act.requireDone(bench, driver, id, "when finished after " + at);
        }
        driver.delete(bench.context(), id);
        bench.absent(driver, id, "when deleted after " + at);
      });
      bench.same("left after " + at, fixture.residue(), before);
    }
  }
}
