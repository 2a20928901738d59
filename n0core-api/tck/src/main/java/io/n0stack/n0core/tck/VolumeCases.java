package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.util.Optional;
import java.util.Set;

/** Volumes that lie on others. */
final class VolumeCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> CANNOT =
      Set.of(N0Exception.Code.UNSUPPORTED, N0Exception.Code.INVALID);

  private final Bench<S, T> bench;

  VolumeCases(Bench<S, T> bench) {
    this.bench = bench;
  }

  /** Whoever makes a volume on another one, and not from a copy of it, must keep that from being written to. */
  void baseSaysThatItMustNotBeWrittenTo() {
    if (!(bench.fixture.spec() instanceof VolumeSpec)) {
      return;
    }
    ResourceId base = bench.fresh();
    ResourceId clone = bench.fresh();
    bench.with(driver -> {
      driver.apply(bench.context(), base, bench.fixture.spec());
      VolumeStatus below = status(driver, base);
      bench.same("reason not to write to what nothing lies on", below.readOnly(), Optional.empty());
      VolumeSpec linked = VolumeSpec.from(new ImageSource.Backing(below.path(), below.format()));
      Optional<N0Exception.Code> code = Bench.code(
          () -> driver.apply(bench.context(), clone, driver.describe().spec().cast(linked)));
      if (code.isPresent()) {
        bench.holds(
            "refusal of a linked clone is one of " + CANNOT + ": " + code,
            code.filter(CANNOT::contains).isPresent());
      } else if (status(driver, clone).backingImage().equals(Optional.of(below.path()))) {
        requireKept(driver, base, clone);
      }
      driver.delete(bench.context(), clone);
      driver.delete(bench.context(), base);
    });
  }

  private void requireKept(Driver<S, T> driver, ResourceId base, ResourceId clone) {
    bench.holds(
        "what " + clone + " lies on names it as the reason not to write to it: "
            + status(driver, base).readOnly(),
        status(driver, base)
            .readOnly()
            .filter(why -> why.contains(clone.name()))
            .isPresent());
    bench.with(other -> bench.same(
        "the reason seen by a new instance",
        status(other, base).readOnly(),
        status(driver, base).readOnly()));
    bench.same(
        "reason not to write to the clone", status(driver, clone).readOnly(), Optional.empty());
    driver.delete(bench.context(), clone);
    bench.same(
        "reason not to write once the clone is gone",
        status(driver, base).readOnly(),
        Optional.empty());
  }

  private VolumeStatus status(Driver<S, T> driver, ResourceId id) {
    return (VolumeStatus) bench.complete(driver, id, "of a base and its clone");
  }
}
