package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.MigrationOffer;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Agents that die as they reserve a place for a machine that runs elsewhere. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ReservationIT {
  private static final int KILLS = Repetition.of(3);
  private static final int MOST_KILLS = 40;
  private static final int FIRST_PLACE = 3;

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private MachineSpec spec;
  private MigrationOffer offer;

  @BeforeEach
  void run() throws IOException {
    hosts = new TwoHosts(directory);
    spec = hosts.left.nano(Chipset.PC).build();
    hosts.agent(hosts.left).apply(context(), hosts.id, spec);
    offer = TwoHosts.migration(hosts.agent(hosts.left)).offer(hosts.id);
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4})
  void oneThatWasCutShortAfterSomeFilesIsNeverStarted(int files) throws IOException {
    cutShort(files);

    refusesAllButTheReservation();

    hosts.agent(hosts.right).delete(context(), hosts.id);
    assertThat(hosts.right.residue()).isEmpty();
    assertThat(hosts.agent(hosts.right).observe(hosts.id)).isInstanceOf(Observed.Absent.class);
    assertThat(hosts.running()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4})
  void oneThatWasCutShortAfterSomeFilesCanBeMadeAgainAndTheMachineMoves(int files)
      throws IOException {
    cutShort(files);

    MigrationReport unused =
        hosts.migrate(hosts.left, hosts.right, MigrationReception.unix(), MigrationOptions.usual());

    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(hosts.right.root).isDirectoryNotContaining("glob:**/.exp-*");
  }

  @Test
  void oneOfAnotherNameIsNotTakenOver() throws IOException {
    cutShort(4);
    ResourceId other = new ResourceId("machine", "web2", hosts.id.uid());

    refused(Code.ALREADY_EXISTS, () -> hosts.agent(hosts.right).apply(context(), other, spec));
    refused(Code.ALREADY_EXISTS, () -> hosts.agent(hosts.right).delete(context(), other));
  }

  @Test
  void oneWhoseDeletionWasCutShortIsDeletedBeforeItIsMadeAgain() throws IOException {
    Migration right = TwoHosts.migration(hosts.agent(hosts.right));
    right.expect(offer);
    Files.move(hosts.right.root.resolve(uid()), hosts.right.root.resolve(".del-" + uid()));

    refused(Code.PRECONDITION, () -> right.expect(offer));

    hosts.agent(hosts.right).delete(context(), hosts.id);
    right.expect(offer);
    assertThat(right.phase(hosts.id)).isEqualTo(Phase.EXPECTED);
  }

  @Test
  void oneThatIsMadeWhileTheMachineIsAboutToBeCreatedWins() {
    Migration right = TwoHosts.migration(hosts.agent(hosts.right));

    hosts
        .agent(hosts.right)
        .apply(
            context().before("create the machine directory", () -> right.expect(offer)),
            hosts.id,
            spec);

    assertThat(right.phase(hosts.id)).isEqualTo(Phase.EXPECTED);
    assertThat(hosts.right.processes()).isEmpty();
    assertThat(hosts.running()).isEqualTo(1);
  }

  @Test
  void aKilledAgentLeavesNothingOrWhatIsNeverStarted() throws Exception {
    int cutShort = 0;
    // Some are not hit; where few are tried, one more may be needed.
    for (int kill = 0; kill < KILLS || (cutShort == 0 && kill < MOST_KILLS); kill++) {
      Path places = Files.createDirectory(directory.resolve("k" + kill));
      Process agent = KilledAgentIT.java(
          ManyExpectations.class,
          directory.toString(),
          hosts.id.uid().toString(),
          places.toString());
      assertThat(agent.getInputStream().read()).isEqualTo('r');
      awaitHalf(places);
      agent.destroyForcibly().waitFor();
      for (Path place : entries(places)) {
        if (neverStarted("kill " + kill + ", " + place, place)) {
          cutShort++;
        }
      }
    }
    assertThat(cutShort).as("reservations that were cut short").isPositive();
  }

  /** Waits for one that has just been begun. */
  private static void awaitHalf(Path places) throws IOException {
    long end = System.nanoTime() + TwoHosts.LIMIT.toNanos();
    int place = FIRST_PLACE;
    while (System.nanoTime() < end) {
      Path machines = places.resolve("p" + place).resolve("m");
      List<Path> seen = Files.exists(machines) ? entries(machines) : List.of();
      if (seen.stream().anyMatch(path -> String.valueOf(path.getFileName()).startsWith("."))) {
        return;
      }
      if (!seen.isEmpty()) {
        place++;
      }
    }
  }

  /** Returns whether it was cut short. */
  private boolean neverStarted(String at, Path place) {
    Host target = Host.existing(place);
    try (QemuMachineDriver driver = TwoHosts.open(target)) {
      Observed<?> seen = driver.observe(hosts.id);
      if (seen instanceof Observed.Absent) {
        return false; // the agent had not come as far
      }
      boolean whole = ((Observed.Present<?>) seen).complete();
      if (whole) {
        driver.apply(context(), hosts.id, spec);
      } else {
        refused(Code.PRECONDITION, () -> driver.apply(context(), hosts.id, spec));
      }
      assertThat(Host.state(driver, hosts.id)).as(at).isEqualTo(MachineState.PREPARED);
      assertThat(target.processes()).as(at).isEmpty();
      driver.delete(context(), hosts.id);
      assertThat(target.residue()).as(at).isEmpty();
      return !whole;
    } finally {
      target.cleanUp();
    }
  }

  /** What an agent leaves that dies when it has written some of the files. */
  private void cutShort(int files) throws IOException {
    TwoHosts.migration(hosts.agent(hosts.right)).expect(offer);
    hosts.forget(hosts.right);
    Path cut = hosts.right.root.resolve(".exp-" + uid() + "." + hosts.id.name());
    Files.move(hosts.right.root.resolve(uid()), cut);
    List<Path> written = entries(cut);
    assertThat(written).hasSize(4);
    for (Path file : written.subList(files, written.size())) {
      Files.delete(file);
    }
  }

  private static List<Path> entries(Path directory) throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.sorted().toList();
    }
  }

  private String uid() {
    return hosts.id.uid().toString();
  }

  private void refusesAllButTheReservation() {
    QemuMachineDriver driver = hosts.agent(hosts.right);
    Migration right = TwoHosts.migration(driver);
    assertThat(driver.list()).containsExactly(hosts.id);
    assertThat(driver.observe(hosts.id)).extracting("complete").isEqualTo(false);
    assertThat(Host.present(driver, hosts.id).reason()).contains("migration-cut-short");
    assertThat(Host.state(driver, hosts.id)).isEqualTo(MachineState.PREPARED);
    refused(Code.PRECONDITION, () -> driver.apply(context(), hosts.id, spec));
    refused(Code.NOT_FOUND, () -> driver.power(context(), hosts.id, PowerAction.BOOT));
    refused(Code.NOT_FOUND, () -> right.prepare(context(), hosts.id, MigrationReception.unix()));
    refused(Code.NOT_FOUND, () -> right.phase(hosts.id));
    assertThat(hosts.right.processes()).isEmpty();
    assertThat(hosts.running()).isEqualTo(1);
  }

  private static void refused(Code code, Runnable call) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call::run)
        .extracting(N0Exception::code)
        .isEqualTo(code);
  }
}
