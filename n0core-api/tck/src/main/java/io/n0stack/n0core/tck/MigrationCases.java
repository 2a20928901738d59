package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Decision;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** Machines that move between the fixture's host and its neighbour. */
final class MigrationCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> NOT_FOUND = Set.of(N0Exception.Code.NOT_FOUND);
  private static final Set<N0Exception.Code> PRECONDITION = Set.of(N0Exception.Code.PRECONDITION);

  private final Bench<S, T> bench;
  private final Driver<S, T> driver;

  MigrationCases(Bench<S, T> bench, Driver<S, T> driver) {
    this.bench = bench;
    this.driver = driver;
  }

  void migration(Migration here, ResourceId id) {
    ResourceId nothing = bench.fresh(driver);
    MigrationTarget nobody = new Way(here, Verdict.TAKEN);
    bench.refused("offering nothing", NOT_FOUND, () -> here.offer(nothing));
    bench.refused("phase of nothing", NOT_FOUND, () -> here.phase(nothing));
    bench.refused(
        "settling nothing", NOT_FOUND, () -> here.settle(bench.context(), nothing, nobody));
    bench.refused(
        "refusing nothing",
        NOT_FOUND,
        () -> here.refuse(bench.context(), nothing, UUID.randomUUID()));
    bench.same("phase of what is at home", here.phase(id), Phase.SETTLED);
    bench.same(
        "verdict on what is at home", here.settle(bench.context(), id, nobody), Verdict.REFUSED);
    for (Decision decision : Decision.values()) {
      bench.refused(
          decision + " of what is at home",
          PRECONDITION,
          () -> here.decide(bench.context(), id, decision));
    }
    bench.refused(
        "preparing for what is at home",
        PRECONDITION,
        () -> here.prepare(bench.context(), id, MigrationReception.unix()));
    bench.refused(
        "expecting what is at home",
        Set.of(N0Exception.Code.ALREADY_EXISTS),
        () -> here.expect(here.offer(id)));
    bench.machine(driver, id, MachineState.RUNNING, "after it was only talked of");
    bench.fixture.neighbour().ifPresent(neighbour -> {
      List<String> before = neighbour.residue();
      try (Driver<S, T> other = neighbour.open()) {
        there(other, id);
        other.delete(bench.context(), id);
      }
      bench.same("what is left on the neighbour", neighbour.residue(), before);
    });
  }

  private static <S extends Spec, T> Migration of(Driver<S, T> driver) {
    return driver.capability(Migration.class).orElseThrow();
  }

  /** Moves it to the neighbour and back. */
  private void there(Driver<S, T> other, ResourceId id) {
    Migration here = of(driver);
    Migration there = of(other);
    there.expect(here.offer(id));
    bench.same("phase of what is expected", there.phase(id), Phase.EXPECTED);
    bench.holds("what is expected is listed", other.list().contains(id));
    bench.same("state of what is expected", state(other, id), MachineState.PREPARED);
    other.apply(bench.context(), id, bench.fixture.capableSpec());
    bench.same("state of what is expected, applied", state(other, id), MachineState.PREPARED);
    refused(other, id);

    MigrationTerms first = there.prepare(bench.context(), id, MigrationReception.unix());
    MigrationTerms second = there.prepare(bench.context(), id, MigrationReception.unix());
    bench.holds("each attempt has its token", !first.token().equals(second.token()));
    bench.same(
        "verdict on an earlier token",
        there.takeOver(
            bench.context(), id, new MigrationRelease(first.token(), MachineState.RUNNING)),
        Verdict.REFUSED);
    other.apply(bench.context(), id, bench.fixture.capableSpec());
    bench.same("state of what has not arrived", state(other, id), MachineState.PREPARED);

    move(driver, other, id, second);
    move(other, driver, id, prepared(other, driver, id));
  }

  private void refused(Driver<S, T> other, ResourceId id) {
    MigrationTerms terms = of(other).prepare(bench.context(), id, MigrationReception.unix());
    bench.refused(
        "moving to who refuses",
        Set.of(N0Exception.Code.UNAVAILABLE),
        () -> migrate(driver, id, terms, new Way(of(other), Verdict.REFUSED)));
    bench.machine(driver, id, MachineState.RUNNING, "after the target has refused it");
    bench.same("phase of what was refused", of(driver).phase(id), Phase.SETTLED);
    bench.same(
        "verdict on the token that was refused",
        of(other)
            .takeOver(
                bench.context(), id, new MigrationRelease(terms.token(), MachineState.RUNNING)),
        Verdict.REFUSED);
    of(other).expect(of(driver).offer(id));
  }

  private MigrationTerms prepared(Driver<S, T> from, Driver<S, T> to, ResourceId id) {
    of(to).expect(of(from).offer(id));
    return of(to).prepare(bench.context(), id, MigrationReception.unix());
  }

  private void move(Driver<S, T> from, Driver<S, T> to, ResourceId id, MigrationTerms terms) {
    MigrationReport report = migrate(from, id, terms, new Way(of(to), Verdict.TAKEN));
    bench.holds("the move took some time: " + report, !report.total().isNegative());
    bench.machine(to, id, MachineState.RUNNING, "after it has come");
    bench.same("phase of what has come", of(to).phase(id), Phase.SETTLED);
    bench.same("phase of what has left", of(from).phase(id), Phase.MIGRATED);
    from.apply(bench.context(), id, bench.fixture.capableSpec());
    bench.same("state of what has left, applied", state(from, id), MachineState.SHUTDOWN);
    bench.same(
        "verdict on what has left",
        of(from).settle(bench.context(), id, new Way(of(to), Verdict.TAKEN)),
        Verdict.TAKEN);
    bench.same(
        "verdict on the token, asked again",
        of(to)
            .takeOver(
                bench.context(), id, new MigrationRelease(terms.token(), MachineState.RUNNING)),
        Verdict.TAKEN);
  }

  private MigrationReport migrate(
      Driver<S, T> from, ResourceId id, MigrationTerms terms, MigrationTarget way) {
    return of(from).migrate(bench.context(), id, terms, MigrationOptions.usual(), way);
  }

  private MachineState state(Driver<S, T> driver, ResourceId id) {
    Observed<T> seen = driver.observe(id);
    bench.holds("seen: " + seen, seen instanceof Observed.Present);
    return ((MachineStatus) ((Observed.Present<T>) seen).status()).state();
  }

  /** The way to the target, which refuses all if it is to. */
  private final class Way implements MigrationTarget {
    private final Migration target;
    private final Verdict wanted;

    Way(Migration target, Verdict wanted) {
      this.target = target;
      this.wanted = wanted;
    }

    @Override
    public Verdict takeOver(ResourceId machine, MigrationRelease release) {
      return wanted == Verdict.TAKEN
          ? target.takeOver(bench.context(), machine, release)
          : target.refuse(bench.context(), machine, release.token());
    }

    @Override
    public Verdict refuse(ResourceId machine, UUID token) {
      return target.refuse(bench.context(), machine, token);
    }
  }
}
