package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A data plane that is shared with others, that cannot be reached, and specs meant to do harm. */
final class FaultCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> UNAVAILABLE = Set.of(N0Exception.Code.UNAVAILABLE);
  private static final Set<N0Exception.Code> REFUSED =
      Set.of(N0Exception.Code.INVALID, N0Exception.Code.UNSUPPORTED);

  private final Bench<S, T> bench;
  private final DriverFixture<S, T> fixture;

  FaultCases(Bench<S, T> bench) {
    this.bench = bench;
    this.fixture = bench.fixture;
  }

  void foreignIsLeftAlone() {
    bench.with(driver -> {
      ResourceId near = bench.fresh(driver);
      Set<ResourceId> listed = new HashSet<>(driver.list());
      Optional<DriverFixture.Undo> planted = fixture.plantForeign(near);
      if (planted.isEmpty()) {
        return;
      }
      bench.trying(Topic.FOREIGN_THINGS);
      try {
        Object contents = fixture.contents();
        bench.same("listed beside foreign things", new HashSet<>(driver.list()), listed);
        bench.absent(driver, near, "beside foreign things");
        driver.delete(bench.context(), near);
        bench.same("foreign things after delete", fixture.contents(), contents);
        besideForeign(driver, near, contents);
        ResourceId other = bench.fresh(driver);
        driver.apply(bench.context(), other, fixture.spec());
        bench.complete(driver, other, "beside foreign things");
        driver.delete(bench.context(), other);
        bench.same("foreign things after another's life", fixture.contents(), contents);
      } finally {
        planted.get().close();
      }
    });
  }

  /** A driver may refuse a name that is taken, or make its own thing beside the foreign one. */
  private void besideForeign(Driver<S, T> driver, ResourceId near, Object contents) {
    Optional<N0Exception.Code> code =
        Bench.code(() -> driver.apply(bench.context(), near, fixture.spec()));
    if (code.isPresent()) {
      bench.same("code for a name that is taken", code.get(), N0Exception.Code.ALREADY_EXISTS);
    } else {
      bench.complete(driver, near, "in spite of foreign things");
    }
    driver.delete(bench.context(), near);
    bench.same("foreign things after apply and delete", fixture.contents(), contents);
  }

  void unreachableIsUnknown() {
    ResourceId id = bench.fresh();
    ResourceId none = bench.fresh();
    bench.with(driver -> {
      driver.apply(bench.context(), id, fixture.spec());
      Object contents = fixture.contents();
      Optional<DriverFixture.Undo> cut = fixture.cutOff(driver);
      cut.ifPresent(undo -> {
        bench.trying(Topic.UNREACHABLE);
        try {
          requireBlind(driver, id);
          requireBlind(driver, none);
          bench.same("health when cut off", driver.probe().health(), Fingerprint.Health.UNHEALTHY);
          bench.refused("list when cut off", UNAVAILABLE, driver::list);
        } finally {
          undo.close();
        }
        bench.same("contents after having been cut off", fixture.contents(), contents);
      });
    });
    bench.with(driver -> bench.complete(driver, id, "after having been cut off"));
    bench.deleted(id);
  }

  private void requireBlind(Driver<S, T> driver, ResourceId id) {
    Observed<T> seen = driver.observe(id);
    bench.holds("unknown when cut off, not " + seen, seen instanceof Observed.Unknown);
    bench.refused(
        "apply when cut off", UNAVAILABLE, () -> driver.apply(bench.context(), id, fixture.spec()));
    bench.refused("delete when cut off", UNAVAILABLE, () -> driver.delete(bench.context(), id));
  }

  void silentIsUnknown() {
    ResourceId id = bench.fresh();
    bench.with(driver -> {
      driver.apply(bench.context(), id, fixture.spec());
      T status = bench.complete(driver, id, "before it is silent");
      fixture.silence(status).ifPresent(undo -> {
        bench.trying(Topic.SILENT_RESOURCE);
        try {
          Observed<T> seen = driver.observe(id);
          bench.holds("unknown when silent, not " + seen, seen instanceof Observed.Unknown);
          bench.holds("listed when silent", driver.list().contains(id));
        } finally {
          undo.close();
        }
        bench.same(
            "identity after silence",
            fixture.identity(bench.complete(driver, id, "after silence")),
            fixture.identity(status));
      });
      driver.delete(bench.context(), id);
    });
  }

  void hostileSpecsDoNoHarm() {
    List<S> specs = fixture.hostile();
    if (!specs.isEmpty()) {
      bench.trying(Topic.HOSTILE_SPEC);
    }
    bench.with(driver -> specs.forEach(spec -> hostile(driver, spec)));
  }

  private void hostile(Driver<S, T> driver, S spec) {
    ResourceId id = bench.fresh(driver);
    Object contents = fixture.contents();
    Optional<N0Exception.Code> code = Bench.code(() -> driver.apply(bench.context(), id, spec));
    if (code.isPresent()) {
      bench.holds("refusal of " + spec + ": " + code, REFUSED.contains(code.get()));
      bench.same("contents after refusing " + spec, fixture.contents(), contents);
    } else {
      bench.complete(driver, id, "of " + spec);
      driver.delete(bench.context(), id);
    }
    bench.absent(driver, id, "after " + spec);
    bench.same("contents after " + spec, fixture.contents(), contents);
  }
}
