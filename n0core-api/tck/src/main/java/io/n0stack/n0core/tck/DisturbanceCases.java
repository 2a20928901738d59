package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Optional;

/** What ends an operation early while the process lives on. */
final class DisturbanceCases<S extends Spec, T> {
  /** How an operation is disturbed at a step. */
  enum Disturbance {
    CANCEL(N0Exception.Code.CANCELLED),
    INTERRUPT(N0Exception.Code.CANCELLED),
    DEADLINE(N0Exception.Code.UNAVAILABLE),
    EXHAUSTED(N0Exception.Code.EXHAUSTED);

    private final N0Exception.Code code;

    Disturbance(N0Exception.Code code) {
      this.code = code;
    }

    StandaloneContext in(StandaloneContext cx, int step) {
      return switch (this) {
        case CANCEL -> cx.cancelBefore(step);
        case INTERRUPT -> cx.interruptIn(step);
        case DEADLINE -> cx.expireBefore(step);
        case EXHAUSTED -> cx.exhaustedIn(step);
      };
    }
  }

  private final Bench<S, T> bench;
  private final DriverFixture<S, T> fixture;

  DisturbanceCases(Bench<S, T> bench) {
    this.bench = bench;
    this.fixture = bench.fixture;
  }

  void everywhere(Disturbance disturbance) {
    for (Act act : bench.acts()) {
      boolean disturbed = true;
      for (int step = 0; disturbed; step++) {
        disturbed = at(step, act, disturbance);
      }
    }
  }

  private boolean at(int step, Act act, Disturbance disturbance) {
    List<String> before = fixture.residue();
    String at = disturbance + " at step " + step + " of " + act;
    ResourceId id = bench.fresh();
    StandaloneContext cx = disturbance.in(bench.context(), step);
    bench.with(driver -> {
      act.prepare(bench, driver, id);
      disturb(driver, act, id, cx, disturbance, at);
      bench.honest(driver, id, before, at);
      if (step % 2 == 0) {
        act.run(fixture, driver, bench.context(), id);
        act.requireDone(bench, driver, id, "when finished after " + at);
      }
      driver.delete(bench.context(), id);
      bench.absent(driver, id, "when deleted after " + at);
    });
    bench.same("left after " + at, fixture.residue(), before);
    return cx.refused() || cx.steps().size() > step;
  }

  private void disturb(
      Driver<S, T> driver,
      Act act,
      ResourceId id,
      StandaloneContext cx,
      Disturbance disturbance,
      String at) {
    Optional<N0Exception.Code> code = Bench.code(() -> act.run(fixture, driver, cx, id));
    boolean interrupted = Thread.interrupted();
    if (code.isPresent()) {
      bench.same("code of " + at, code.get(), disturbance.code);
      bench.holds(
          "interrupt flag kept after " + at, interrupted || disturbance != Disturbance.INTERRUPT);
    } else {
      bench.holds("failure, not success, after " + at, !cx.refused());
      act.requireDone(bench, driver, id, "because it succeeded in spite of " + at);
    }
  }

  /** Fills the disk for real before each step. */
  void diskFull() {
    Optional<DriverFixture.Undo> possible = fixture.fillDisk();
    if (possible.isEmpty()) {
      return;
    }
    possible.get().close();
    bench.trying(Topic.DISK_FULL);
    for (Act act : bench.acts()) {
      boolean reached = true;
      for (int step = 0; reached; step++) {
        reached = diskFull(act, step);
      }
    }
  }

  private boolean diskFull(Act act, int step) {
    List<String> before = fixture.residue();
    String at = "a full disk at step " + step + " of " + act;
    ResourceId id = bench.fresh();
    DriverFixture.Undo[] filler = {() -> {}};
    StandaloneContext cx =
        bench.context().before(step, () -> filler[0] = fixture.fillDisk().orElseThrow());
    try (Driver<S, T> driver = fixture.open()) {
      act.prepare(bench, driver, id);
      Optional<N0Exception.Code> code = Bench.code(() -> act.run(fixture, driver, cx, id));
      if (code.isEmpty()) {
        act.requireDone(bench, driver, id, "because it succeeded in spite of " + at);
      }
      bench.honest(driver, id, before, at);
      Optional<N0Exception.Code> deleted = Bench.code(() -> driver.delete(bench.context(), id));
      makeRoom(filler);
      if (deleted.isPresent()) {
        bench.honest(driver, id, before, "a deletion with " + at);
        driver.delete(bench.context(), id);
      }
      bench.absent(driver, id, "when deleted after " + at);
    } finally {
      makeRoom(filler); // the cases that follow need it
    }
    bench.same("left after " + at, fixture.residue(), before);
    return cx.steps().size() > step;
  }

  private static void makeRoom(DriverFixture.Undo[] filler) {
    DriverFixture.Undo undo = filler[0];
    filler[0] = () -> {};
    undo.close();
  }
}
