package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** A resource's life when nothing goes wrong. */
final class LifeCases<S extends Spec, T> {
  private final Bench<S, T> bench;
  private final DriverFixture<S, T> fixture;

  LifeCases(Bench<S, T> bench) {
    this.bench = bench;
    this.fixture = bench.fixture;
  }

  void probeIsHealthy() {
    bench.with(driver -> {
      Fingerprint probe = driver.probe();
      bench.same("probe: " + probe.message(), probe.health(), Fingerprint.Health.HEALTHY);
      bench.same("message of what is healthy", probe.message(), "");
    });
  }

  void nothingIsAbsent() {
    ResourceId id = bench.fresh();
    bench.with(driver -> {
      bench.absent(driver, id, "before it was made");
      bench.holds("not listed before it was made", !driver.list().contains(id));
      driver.delete(bench.context(), id);
      bench.absent(driver, id, "after deleting nothing");
    });
  }

  void createdIsSeenByAnother() {
    ResourceId id = bench.fresh();
    bench.with(driver -> driver.apply(bench.context(), id, fixture.spec()));
    bench.with(driver -> {
      bench.complete(driver, id, "in a new instance");
      bench.holds("listed by a new instance", driver.list().contains(id));
      driver.delete(bench.context(), id);
    });
  }

  void closeLeavesAll() {
    ResourceId id = bench.fresh();
    Driver<S, T> first = fixture.open();
    first.apply(bench.context(), id, fixture.spec());
    Object identity = fixture.identity(bench.complete(first, id, "before close"));
    List<String> residue = fixture.residue();
    first.close();
    bench.same("residue after close", fixture.residue(), residue);
    bench.with(driver -> {
      bench.same(
          "identity after close",
          fixture.identity(bench.complete(driver, id, "after close")),
          identity);
      driver.delete(bench.context(), id);
    });
  }

  void applyAgainDisruptsNothing() {
    ResourceId id = bench.fresh();
    bench.with(driver -> driver.apply(bench.context(), id, fixture.spec()));
    bench.with(driver -> {
      Object before = fixture.identity(bench.complete(driver, id, "before"));
      Object contents = fixture.contents();
      driver.apply(bench.context(), id, fixture.spec());
      bench.same("identity", fixture.identity(bench.complete(driver, id, "after")), before);
      bench.same("contents after the same again", fixture.contents(), contents);
      driver.delete(bench.context(), id);
    });
  }

  /** Not every status shows every component; but what was changed another instance need not change. */
  void changeIsApplied() {
    fixture.changed().ifPresent(changed -> {
      bench.trying(Topic.UPDATE);
      ResourceId id = bench.fresh();
      bench.with(driver -> driver.apply(bench.context(), id, fixture.spec()));
      StandaloneContext change = bench.context();
      bench.with(driver -> {
        T before = bench.complete(driver, id, "before the change");
        driver.apply(change, id, changed);
        T after = bench.complete(driver, id, "after the change");
        bench.holds(
            "the change takes a step or shows in the status",
            !change.steps().isEmpty() || !after.equals(before));
      });
      StandaloneContext again = bench.context();
      bench.with(driver -> {
        T before = bench.complete(driver, id, "in another instance");
        driver.apply(again, id, changed);
        bench.same("steps of the same change again", again.steps(), List.of());
        bench.same("status", bench.complete(driver, id, "after the same change"), before);
        driver.delete(bench.context(), id);
      });
    });
  }

  void otherUidIsAbsent() {
    ResourceId id = bench.fresh();
    ResourceId other = new ResourceId(id.kind(), id.name(), UUID.randomUUID());
    bench.with(driver -> {
      driver.apply(bench.context(), id, fixture.spec());
      Object before = fixture.identity(bench.complete(driver, id, "before"));
      bench.absent(driver, other, "of another uid");
      bench.holds("not listed under another uid", !driver.list().contains(other));
      driver.delete(bench.context(), other);
      bench.same("identity", fixture.identity(bench.complete(driver, id, "after")), before);
      driver.delete(bench.context(), id);
    });
  }

  void deleteLeavesNothing() {
    ResourceId id = bench.fresh();
    bench.with(driver -> {
      driver.apply(bench.context(), id, fixture.spec());
      driver.delete(bench.context(), id);
      bench.absent(driver, id, "after delete");
      driver.delete(bench.context(), id);
      bench.holds("not listed after delete", !driver.list().contains(id));
    });
  }

  /** Names that could lead out of a directory must not get as far as a driver. */
  void hostileNamesAreRefused() {
    Set<N0Exception.Code> invalid = Set.of(N0Exception.Code.INVALID);
    for (String name : List.of(
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\nb",
        "a\0b",
        "-a",
        "a b",
        "a,b",
        "A",
        "é",
        "%s",
        "$(id)",
        "x".repeat(64))) {
      bench.refused("the name", invalid, () -> ResourceId.fresh("kind", name));
      bench.refused(
          "the reference", invalid, () -> new io.n0stack.n0core.api.driver.Reference("kind", name));
    }
  }
}
