package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
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
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is left to a person where one side cannot ask the other. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MigrationDecisionIT {
  @TempDir
  Path directory;

  private TwoHosts hosts;
  private MachineSpec spec;
  private QemuMachineDriver left;
  private QemuMachineDriver right;

  /** A target whose agent does not answer. */
  private static final class Unreachable implements MigrationTarget {
    @Override
    public Verdict takeOver(ResourceId machine, MigrationRelease release) {
      throw new N0Exception(Code.UNAVAILABLE, "target", "reach the target: no answer");
    }

    @Override
    public Verdict refuse(ResourceId machine, UUID token) {
      throw new N0Exception(Code.UNAVAILABLE, "target", "reach the target: no answer");
    }
  }

  @BeforeEach
  void start() throws IOException {
    hosts = new TwoHosts(directory);
    spec = hosts.left.nano(Chipset.PC).build();
    left = hosts.agent(hosts.left);
    right = hosts.agent(hosts.right);
    left.apply(context(), hosts.id, spec);
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  private Migration source() {
    return TwoHosts.migration(left);
  }

  private Migration target() {
    return TwoHosts.migration(right);
  }

  private static void refused(Code code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private MigrationTerms released() {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    refused(
        Code.UNAVAILABLE,
        () -> source()
            .migrate(context(), hosts.id, terms, MigrationOptions.usual(), new Unreachable()));
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.RELEASED);
    return terms;
  }

  @Test
  void machineThatWasGivenAwayStandsStillUntilSomebodyKnows() {
    MigrationTerms terms = released();

    left.apply(context(), hosts.id, spec);
    right.apply(context(), hosts.id, spec);

    assertThat(hosts.running()).isZero();
    assertThat(TwoHosts.state(hosts.left, hosts.id)).isEqualTo(MachineState.PAUSED);
    assertThat(TwoHosts.reason(hosts.left, hosts.id)).isEqualTo("migration-released");
    assertThat(TwoHosts.state(hosts.right, hosts.id)).isEqualTo(MachineState.PREPARED);
    for (PowerAction action : PowerAction.values()) {
      refused(Code.PRECONDITION, () -> left.power(context(), hosts.id, action));
      refused(Code.PRECONDITION, () -> right.power(context(), hosts.id, action));
    }
    refused(Code.UNAVAILABLE, () -> source().settle(context(), hosts.id, new Unreachable()));
    refused(Code.NOT_FOUND, () -> target().refuse(context(), hosts.id, UUID.randomUUID()));
    assertThat(hosts.running()).isZero();

    assertThat(target().refuse(context(), hosts.id, terms.token())).isEqualTo(Verdict.REFUSED);
    assertThat(target()
            .takeOver(
                context(), hosts.id, new MigrationRelease(terms.token(), MachineState.RUNNING)))
        .isEqualTo(Verdict.REFUSED);
    assertThat(source().settle(context(), hosts.id, hosts.way(hosts.right)))
        .isEqualTo(Verdict.REFUSED);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  @Test
  void sourceGoesOnWhenItsPersonSaysThatTheTargetIsNoMore() {
    released();
    right.delete(context(), hosts.id);

    source().decide(context(), hosts.id, Decision.TARGET_NEVER_RUNS);

    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.SETTLED);
  }

  @Test
  void targetGoesOnWhenItsPersonSaysThatTheSourceHasReleased() {
    released();

    target().decide(context(), hosts.id, Decision.SOURCE_RELEASED);
    source().decide(context(), hosts.id, Decision.TARGET_RUNS);

    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(hosts.left.processes()).isEmpty();
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.MIGRATED);
  }

  @Test
  void targetBootsWhenItsPersonSaysThatTheSourceIsNoMore() {
    MigrationTerms unused = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    refused(
        Code.PRECONDITION, () -> target().decide(context(), hosts.id, Decision.SOURCE_RELEASED));
    left.delete(context(), hosts.id);

    target().decide(context(), hosts.id, Decision.SOURCE_NEVER_RUNS);
    right.apply(context(), hosts.id, spec);

    assertThat(hosts.runs(hosts.right)).isTrue();
  }

  @Test
  void machineThatHadLeftBootsAgainWhenItsPersonSaysThatTheTargetIsNoMore() {
    MigrationReport unused =
        hosts.migrate(hosts.left, hosts.right, MigrationReception.unix(), MigrationOptions.usual());
    refused(Code.PRECONDITION, () -> source().decide(context(), hosts.id, Decision.TARGET_RUNS));
    right.delete(context(), hosts.id);

    source().decide(context(), hosts.id, Decision.TARGET_NEVER_RUNS);
    left.apply(context(), hosts.id, spec);

    assertThat(hosts.runs(hosts.left)).isTrue();
  }

  @Test
  void pausedMachineStaysPaused() {
    left.power(context(), hosts.id, PowerAction.PAUSE);

    MigrationReport unused =
        hosts.migrate(hosts.left, hosts.right, MigrationReception.unix(), MigrationOptions.usual());

    assertThat(TwoHosts.state(hosts.right, hosts.id)).isEqualTo(MachineState.PAUSED);
    right.power(context(), hosts.id, PowerAction.RESUME);
    assertThat(hosts.runs(hosts.right)).isTrue();
  }

  @Test
  void machineWhoseQemuDiedAsItWasHandedOverAsksItsTargetBeforeItBoots() throws Exception {
    crashWhileHandingOver();
    Host.signal("KILL", Host.pid(left, hosts.id));
    await().until(() -> hosts.left.processes().isEmpty());

    left.apply(context(), hosts.id, spec);

    assertThat(hosts.running()).as("nobody knows yet who has it").isZero();
    assertThat(TwoHosts.state(hosts.left, hosts.id)).isEqualTo(MachineState.SHUTDOWN);
    refused(Code.UNAVAILABLE, () -> source().settle(context(), hosts.id, new Unreachable()));
    assertThat(source().settle(context(), hosts.id, hosts.way(hosts.right)))
        .isEqualTo(Verdict.REFUSED);
    assertThat(target().phase(hosts.id)).isEqualTo(Phase.REFUSED);
    left.apply(context(), hosts.id, spec);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  /** Leaves a source whose agent has died, and whose QEMU has sent nothing yet. */
  private void crashWhileHandingOver() {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    assertThatThrownBy(() -> source()
            .migrate(
                context().crashAt(1),
                hosts.id,
                terms,
                MigrationOptions.usual(),
                hosts.way(hosts.right)))
        .isInstanceOf(SimulatedCrash.class);
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.HANDING_OVER);
  }

  @Test
  void hostThatWasRestartedAsTheMachineCameDoesNotSayThatItNeverRan() throws Exception {
    MigrationTerms terms = released();
    Host.signal("KILL", Host.pid(right, hosts.id));
    await().until(() -> hosts.right.processes().isEmpty());
    Path record = hosts.right.root.resolve(hosts.id.uid().toString()).resolve("move.json");
    Files.writeString(
        record,
        Files.readString(record).replaceFirst("\"boot\" : \"[^\"]+\"", "\"boot\" : \"earlier\""));

    refused(Code.PRECONDITION, () -> target().refuse(context(), hosts.id, terms.token()));
    refused(
        Code.PRECONDITION, () -> target().prepare(context(), hosts.id, MigrationReception.unix()));
    assertThat(target().phase(hosts.id)).isEqualTo(Phase.INCOMING);

    assertThat(source().settle(context(), hosts.id, hosts.way(hosts.right)))
        .isEqualTo(Verdict.TAKEN);
    assertThat(target().phase(hosts.id)).isEqualTo(Phase.SETTLED);
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.MIGRATED);
    assertThat(hosts.left.processes()).isEmpty();
    right.apply(context(), hosts.id, spec);
    assertThat(hosts.runs(hosts.right)).isTrue();
  }
}
