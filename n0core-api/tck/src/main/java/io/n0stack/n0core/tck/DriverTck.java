package io.n0stack.n0core.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * The cases every driver must pass, as JUnit 5 dynamic tests on the driver's real data plane.
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> conforms() {
 *   return DriverTck.of(new MyFixture());
 * }
 * }</pre>
 *
 * @param <S> the type of the spec
 * @param <T> the type of the status
 */
public final class DriverTck<S extends Spec, T> {
  private final DriverFixture<S, T> fixture;
  private int names;

  private DriverTck(DriverFixture<S, T> fixture) {
    this.fixture = fixture;
  }

  /**
   * Lists the cases.
   *
   * @param fixture the driver and its data plane
   * @param <S> the type of the spec
   * @param <T> the type of the status
   * @return the cases, run in order by one thread
   */
  public static <S extends Spec, T> Stream<DynamicTest> of(DriverFixture<S, T> fixture) {
    DriverTck<S, T> kit = new DriverTck<>(fixture);
    return Stream.of(
        kit.test("probe says the driver can work", kit::probeIsHealthy),
        kit.test("what was never made is absent, and deleting it succeeds", kit::nothingIsAbsent),
        kit.test("what one instance made another sees and lists", kit::createdIsSeenByAnother),
        kit.test("applying the same again disrupts nothing", kit::applyAgainDisruptsNothing),
        kit.test("a changed spec is applied", kit::changeIsApplied),
        kit.test("the same name with another uid is absent and left alone", kit::otherUidIsAbsent),
        kit.test("deleting leaves nothing behind, also twice", kit::deleteLeavesNothing),
        kit.test(
            "a crash before or after any step of create is finished by apply", kit::crashThenApply),
        kit.test(
            "a crash before or after any step of create is undone by delete", kit::crashThenDelete),
        kit.test(
            "a crash before or after any step of delete is finished by delete", kit::crashInDelete),
        kit.test("cancelling before any step leaves what delete removes", kit::cancelThenDelete));
  }

  private DynamicTest test(String name, Runnable body) {
    return DynamicTest.dynamicTest(name, () -> {
      List<String> before = fixture.residue();
      body.run();
      assertThat(fixture.residue()).as("what is left on the data plane").isEqualTo(before);
    });
  }

  private void probeIsHealthy() {
    with(driver -> assertThat(driver.probe())
        .extracting(Fingerprint::health, Fingerprint::message)
        .containsExactly(Fingerprint.Health.HEALTHY, ""));
  }

  private void nothingIsAbsent() {
    ResourceId id = fresh();
    with(driver -> {
      assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
      assertThat(driver.list()).doesNotContain(id);
      driver.delete(context(), id);
    });
  }

  private void createdIsSeenByAnother() {
    ResourceId id = fresh();
    with(driver -> driver.apply(context(), id, fixture.spec()));
    with(driver -> {
      assertThat(complete(driver, id)).isNotNull();
      assertThat(driver.list()).contains(id);
      driver.delete(context(), id);
    });
  }

  private void applyAgainDisruptsNothing() {
    ResourceId id = fresh();
    with(driver -> driver.apply(context(), id, fixture.spec()));
    with(driver -> {
      Object before = fixture.identity(complete(driver, id));
      List<String> residue = fixture.residue();
      driver.apply(context(), id, fixture.spec());
      assertThat(fixture.identity(complete(driver, id))).isEqualTo(before);
      assertThat(fixture.residue()).isEqualTo(residue);
      driver.delete(context(), id);
    });
  }

  private void changeIsApplied() {
    ResourceId id = fresh();
    with(driver -> {
      driver.apply(context(), id, fixture.spec());
      T before = complete(driver, id);
      fixture.changed().ifPresent(changed -> {
        driver.apply(context(), id, changed);
        assertThat(complete(driver, id)).isNotEqualTo(before);
      });
      driver.delete(context(), id);
    });
  }

  private void otherUidIsAbsent() {
    ResourceId id = fresh();
    ResourceId other = new ResourceId(id.kind(), id.name(), UUID.randomUUID());
    with(driver -> {
      driver.apply(context(), id, fixture.spec());
      Object before = fixture.identity(complete(driver, id));
      assertThat(driver.observe(other)).isInstanceOf(Observed.Absent.class);
      driver.delete(context(), other);
      assertThat(fixture.identity(complete(driver, id))).isEqualTo(before);
      driver.delete(context(), id);
    });
  }

  private void deleteLeavesNothing() {
    ResourceId id = fresh();
    with(driver -> {
      driver.apply(context(), id, fixture.spec());
      driver.delete(context(), id);
      assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
      driver.delete(context(), id);
      assertThat(driver.list()).doesNotContain(id);
    });
  }

  private void crashThenApply() {
    for (int point = 0; ; point++) {
      ResourceId id = fresh();
      boolean crashed = crashed(point, (driver, cx) -> driver.apply(cx, id, fixture.spec()));
      String at = "crash point " + point;
      with(driver -> {
        requireHonest(driver, id, at);
        driver.apply(context(), id, fixture.spec());
        complete(driver, id);
        driver.delete(context(), id);
        assertThat(driver.observe(id)).as(at).isInstanceOf(Observed.Absent.class);
      });
      if (!crashed) {
        assertThat(point).as("crash points of create").isPositive();
        return;
      }
    }
  }

  private void crashThenDelete() {
    List<String> before = fixture.residue();
    for (int point = 0; ; point++) {
      ResourceId id = fresh();
      boolean crashed = crashed(point, (driver, cx) -> driver.apply(cx, id, fixture.spec()));
      String at = "crash point " + point;
      with(driver -> driver.delete(context(), id));
      assertThat(fixture.residue()).as(at).isEqualTo(before);
      if (!crashed) {
        return;
      }
    }
  }

  private void crashInDelete() {
    List<String> before = fixture.residue();
    for (int point = 0; ; point++) {
      ResourceId id = fresh();
      with(driver -> driver.apply(context(), id, fixture.spec()));
      boolean crashed = crashed(point, (driver, cx) -> driver.delete(cx, id));
      String at = "crash point " + point;
      with(driver -> {
        requireHonest(driver, id, at);
        driver.delete(context(), id);
      });
      assertThat(fixture.residue()).as(at).isEqualTo(before);
      if (!crashed) {
        assertThat(point).as("crash points of delete").isPositive();
        return;
      }
    }
  }

  private void cancelThenDelete() {
    List<String> before = fixture.residue();
    for (int step = 0; ; step++) {
      ResourceId id = fresh();
      StandaloneContext cx = context().cancelBefore(step);
      boolean[] cancelled = {true};
      with(driver -> {
        try {
          driver.apply(cx, id, fixture.spec());
          cancelled[0] = false;
        } catch (N0Exception e) {
          assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED);
        }
        driver.delete(context(), id);
      });
      assertThat(fixture.residue()).as("cancelled before step " + step).isEqualTo(before);
      if (!cancelled[0]) {
        return;
      }
    }
  }

  /** Whatever is there after a crash must be seen and bear the stamp. */
  private void requireHonest(Driver<S, T> driver, ResourceId id, String at) {
    Observed<T> seen = driver.observe(id);
    assertThat(seen).as(at).isNotInstanceOf(Observed.Unknown.class);
    assertThat(driver.list().contains(id))
        .as("listed after " + at)
        .isEqualTo(seen instanceof Observed.Present);
  }

  private T complete(Driver<S, T> driver, ResourceId id) {
    Observed<T> seen = driver.observe(id);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    Observed.Present<T> present = (Observed.Present<T>) seen;
    assertThat(present.complete()).as("complete: %s", present).isTrue();
    return present.status();
  }

  private interface Call<S extends Spec, T> {
    void run(Driver<S, T> driver, StandaloneContext cx);
  }

  private boolean crashed(int point, Call<S, T> call) {
    StandaloneContext cx = context().crashAt(point);
    try (Driver<S, T> driver = fixture.open()) {
      call.run(driver, cx);
      return false;
    } catch (SimulatedCrash e) {
      return true;
    }
  }

  private void with(Consumer<Driver<S, T>> body) {
    try (Driver<S, T> driver = fixture.open()) {
      body.accept(driver);
    }
  }

  private StandaloneContext context() {
    return new StandaloneContext().with(fixture.dependencies());
  }

  private ResourceId fresh() {
    try (Driver<S, T> driver = fixture.open()) {
      return ResourceId.fresh(driver.describe().kind(), "tck-" + names++);
    }
  }
}
