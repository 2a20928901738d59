package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.tck.DisturbanceCases.Disturbance;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
  private final Bench<S, T> bench;
  private final List<DynamicTest> cases = new ArrayList<>();
  private final List<String> missing = new ArrayList<>(); // failed, or not run yet

  private DriverTck(DriverFixture<S, T> fixture) {
    this.fixture = fixture;
    this.bench = new Bench<>(fixture);
  }

  /**
   * Lists the cases. The last one writes the report line to standard output.
   *
   * @param fixture the driver and its data plane
   * @param <S> the type of the spec
   * @param <T> the type of the status
   * @return the cases, run in order by one thread
   */
  public static <S extends Spec, T> Stream<DynamicTest> of(DriverFixture<S, T> fixture) {
    DriverTck<S, T> kit = new DriverTck<>(fixture);
    kit.addLife();
    kit.addCrashes();
    kit.addFaults();
    kit.addRest();
    kit.cases.add(DynamicTest.dynamicTest("report", kit::report));
    return kit.cases.stream();
  }

  private void addLife() {
    LifeCases<S, T> life = new LifeCases<>(bench);
    add("probe says the driver can work", life::probeIsHealthy);
    add("what was never made is absent, and deleting it succeeds", life::nothingIsAbsent);
    add("what one instance made another sees and lists", life::createdIsSeenByAnother);
    add("closing the driver leaves the data plane as it is", life::closeLeavesAll);
    add("applying the same again disrupts nothing", life::applyAgainDisruptsNothing);
    add("a changed spec is applied", life::changeIsApplied);
    add("the same name with another uid is absent and left alone", life::otherUidIsAbsent);
    add("deleting leaves nothing behind, also twice", life::deleteLeavesNothing);
    add("hostile names are refused before any effect", life::hostileNamesAreRefused);
  }

  private void addCrashes() {
    CrashCases<S, T> crashes = new CrashCases<>(bench);
    String any = "a crash before or after any step of ";
    add(any + "create is finished by apply", () -> crashes.simulated(Act.CREATE, true));
    add(any + "create is undone by delete", () -> crashes.simulated(Act.CREATE, false));
    add(any + "update is finished by apply", () -> crashes.simulated(Act.UPDATE, true));
    add(any + "update is undone by delete", () -> crashes.simulated(Act.UPDATE, false));
    add(any + "delete is finished by delete", () -> crashes.simulated(Act.DELETE, true));
    for (Act act : Act.values()) {
      String verb = act.name().toLowerCase(java.util.Locale.ROOT);
      add("a killed process at any step of " + verb + " is recovered", () -> crashes.killed(act));
    }
  }

  private void addFaults() {
    DisturbanceCases<S, T> disturbed = new DisturbanceCases<>(bench);
    add("cancelling before any step ends it", () -> disturbed.everywhere(Disturbance.CANCEL));
    add(
        "an interrupt in any step loses nothing",
        () -> disturbed.everywhere(Disturbance.INTERRUPT));
    add("a deadline before any step ends it", () -> disturbed.everywhere(Disturbance.DEADLINE));
    add(
        "a step that finds no room is no success",
        () -> disturbed.everywhere(Disturbance.EXHAUSTED));
    add("a full disk at any step loses nothing", disturbed::diskFull);
    FaultCases<S, T> faults = new FaultCases<>(bench);
    add("foreign things are neither listed nor touched", faults::foreignIsLeftAlone);
    add("what cannot be reached is unknown and left alone", faults::unreachableIsUnknown);
    add("what does not answer is unknown", faults::silentIsUnknown);
    add("hostile specs are refused or taken literally", faults::hostileSpecsDoNoHarm);
  }

  private void addRest() {
    LoadCases<S, T> load = new LoadCases<>(bench);
    add("advertised capabilities work", new CapabilityCases<>(bench)::advertisedCapabilitiesWork);
    add(
        "a volume on which another lies says that it must not be written to",
        new VolumeCases<>(bench)::baseSaysThatItMustNotBeWrittenTo);
    add("16 parallel creates and deletes do not disturb each other", load::manyAtOnce);
    add("cycles of create, observe, delete leak nothing", load::nothingLeaks);
    add(
        "specs and statuses survive as JSON, also with unknown fields",
        new CodecCases<>(bench)::roundTrips);
  }

  private void add(String name, Runnable body) {
    missing.add(name);
    cases.add(DynamicTest.dynamicTest(name, () -> {
      List<String> before = fixture.residue();
      body.run();
      bench.same("what is left on the data plane", fixture.residue(), before);
      missing.remove(name);
    }));
  }

  private void report() {
    bench.with(driver -> {
      Descriptor<S, T> described = driver.describe();
      List<String> notes = new ArrayList<>();
      Map<Topic, String> reasons = fixture.notApplicable();
      for (Topic topic : bench.untried()) {
        String reason = reasons.get(topic);
        notes.add(
            reason == null
                ? "not tried: " + topic
                : "not applicable: " + topic + " (" + reason + ")");
      }
      notes.add(
          0,
          (missing.isEmpty() ? "PASS " : "FAIL ") + bench.checks() + " checks, "
              + bench.crashPoints() + " crash points, " + bench.cycles() + " cycles");
      missing.forEach(name -> notes.add("not passed: " + name));
      System.out.println("n0core-tck: driver " + described.driver() + " of kind "
          + described.kind() + ", SPI " + DriverPlugin.SPI_VERSION + ": "
          + String.join("; ", notes));
    });
  }
}
