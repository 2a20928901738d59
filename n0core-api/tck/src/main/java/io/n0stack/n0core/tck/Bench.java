package io.n0stack.n0core.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** What the cases share: the fixture, what was checked so far, and how one checks. */
final class Bench<S extends Spec, T> {
  final DriverFixture<S, T> fixture;
  final Set<T> statuses = new LinkedHashSet<>();
  private final EnumSet<Topic> tried = EnumSet.noneOf(Topic.class);
  private final AtomicInteger checks = new AtomicInteger();
  private final AtomicInteger names = new AtomicInteger();
  private int crashPoints;
  private int cycles;

  Bench(DriverFixture<S, T> fixture) {
    this.fixture = fixture;
  }

  void same(String what, Object actual, Object expected) {
    checks.incrementAndGet();
    assertThat(actual).as(what).isEqualTo(expected);
  }

  void holds(String what, boolean condition) {
    checks.incrementAndGet();
    assertThat(condition).as(what).isTrue();
  }

  /** Fails unless the call is refused in one of these ways. */
  void refused(String what, Set<N0Exception.Code> codes, Runnable call) {
    Optional<N0Exception.Code> code = code(call);
    holds(
        what + " must fail with one of " + codes + ", not " + code,
        code.filter(codes::contains).isPresent());
  }

  static Optional<N0Exception.Code> code(Runnable call) {
    try {
      call.run();
      return Optional.empty();
    } catch (N0Exception e) {
      return Optional.of(e.code());
    }
  }

  void countCrashPoint() {
    crashPoints++;
  }

  void countCycles(int number) {
    cycles += number;
  }

  int cycles() {
    return cycles;
  }

  int checks() {
    return checks.get();
  }

  int crashPoints() {
    return crashPoints;
  }

  /** Notes that a topic is really tried. */
  void trying(Topic topic) {
    tried.add(topic);
  }

  Set<Topic> untried() {
    return EnumSet.complementOf(tried);
  }

  List<Act> acts() {
    return fixture.changed().isPresent() ? List.of(Act.values()) : List.of(Act.CREATE, Act.DELETE);
  }

  /** Whatever is there after a disturbance must be seen and bear the stamp. */
  void honest(Driver<S, T> driver, ResourceId id, List<String> before, String at) {
    Observed<T> seen = driver.observe(id);
    holds("after " + at + " seen, not " + seen, !(seen instanceof Observed.Unknown));
    boolean listed = driver.list().contains(id);
    if (!listed && seen instanceof Observed.Present) {
      seen = driver.observe(id); // what was about to end may have done so between the two looks
    }
    same("listed if present after " + at, listed, seen instanceof Observed.Present);
    if (!listed) {
      same("without a stamp after " + at, fixture.residue(), before);
    }
  }

  T complete(Driver<S, T> driver, ResourceId id, String at) {
    Observed<T> seen = driver.observe(id);
    holds(
        "complete " + at + ": " + seen,
        seen instanceof Observed.Present<T> present && present.complete());
    T status = ((Observed.Present<T>) seen).status();
    synchronized (statuses) {
      statuses.add(status);
    }
    return status;
  }

  /** Checks what a machine is doing, and that it is all that it is to be. */
  MachineStatus machine(Driver<S, T> driver, ResourceId id, MachineState expected, String at) {
    MachineStatus status = (MachineStatus) complete(driver, id, at);
    same("state " + at, status.state(), expected);
    return status;
  }

  void absent(Driver<S, T> driver, ResourceId id, String at) {
    Observed<T> seen = driver.observe(id);
    holds("absent " + at + ": " + seen, seen instanceof Observed.Absent);
  }

  void with(Consumer<Driver<S, T>> body) {
    try (Driver<S, T> driver = fixture.open()) {
      body.accept(driver);
    }
  }

  void deleted(ResourceId id) {
    with(driver -> driver.delete(context(), id));
  }

  StandaloneContext context() {
    return new StandaloneContext().with(fixture.dependencies());
  }

  ResourceId fresh() {
    try (Driver<S, T> driver = fixture.open()) {
      return fresh(driver);
    }
  }

  ResourceId fresh(Driver<S, T> driver) {
    return ResourceId.fresh(driver.describe().kind(), "tck-" + names.getAndIncrement());
  }
}
