package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Agents that die before and after each step, with the emulators that they leave behind. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MigrationCrashIT {
  @TempDir
  Path directory;

  private TwoHosts hosts;
  private MachineSpec spec;

  @BeforeEach
  void prepare() throws IOException {
    hosts = new TwoHosts(directory);
    spec = hosts.left.nano(Chipset.PC).build();
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  @Test
  void whereverTheSourceDiesThereIsOneCopyInTheEnd() {
    int crashes = crashes(point -> migrate(context().crashAt(point), hosts.way(hosts.right)));

    assertThat(crashes).isGreaterThanOrEqualTo(8);
  }

  @Test
  void whereverTheTargetDiesAsItTakesOverThereIsOneCopyInTheEnd() {
    int crashes = crashes(point -> {
      boolean[] died = {false};
      try {
        migrate(context(), dying(point, died));
      } catch (N0Exception e) {
        assertThat(died[0]).as("point %s: %s", point, e).isTrue();
      }
      if (died[0]) {
        throw new SimulatedCrash("point " + point);
      }
    });

    assertThat(crashes).isGreaterThanOrEqualTo(4);
  }

  @Test
  void whereverTheTargetDiesAsItTakesOverAndTheSourceWithItThereIsOneCopyInTheEnd() {
    int crashes = crashes(point ->
        migrate(context(), hosts.way(hosts.right, host -> context().crashAt(point))));

    assertThat(crashes).isGreaterThanOrEqualTo(4);
  }

  @Test
  void whereverTheTargetDiesAsItPreparesItCanPrepareAgain() {
    start();
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      try {
        TwoHosts.migration(hosts.agent(hosts.right))
            .expect(TwoHosts.migration(hosts.agent(hosts.left)).offer(hosts.id));
        TwoHosts.migration(hosts.agent(hosts.right))
            .prepare(context().crashAt(point), hosts.id, MigrationReception.unix());
        crashed = false;
      } catch (SimulatedCrash e) {
        hosts.forget(hosts.right);
        hosts.agent(hosts.right).apply(context(), hosts.id, spec);
        assertThat(hosts.running()).as("point %s", point).isEqualTo(1);
        assertThat(hosts.runs(hosts.left)).as("point %s", point).isTrue();
      }
    }
    move();
  }

  private interface Attempt {
    void upTo(int point);
  }

  private int crashes(Attempt attempt) {
    int crashes = 0;
    for (int point = 0; ; point++) {
      start();
      try {
        attempt.upTo(point);
        assertThat(hosts.runs(hosts.right)).isTrue();
        return crashes;
      } catch (SimulatedCrash e) {
        crashes++;
        recover("point " + point + ", " + e.getMessage());
      }
      hosts.cleanUp();
    }
  }

  private void start() {
    hosts.agent(hosts.left).apply(context(), hosts.id, spec);
  }

  private void migrate(StandaloneContext cx, MigrationTarget target) {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    MigrationReport unused = TwoHosts.migration(hosts.agent(hosts.left))
        .migrate(cx, hosts.id, terms, MigrationOptions.usual(), target);
  }

  private MigrationTarget dying(int point, boolean[] died) {
    MigrationTarget way = hosts.way(hosts.right);
    return new MigrationTarget() {
      @Override
      public Verdict takeOver(ResourceId machine, MigrationRelease release) {
        try {
          return TwoHosts.migration(hosts.agent(hosts.right))
              .takeOver(context().crashAt(point), machine, release);
        } catch (SimulatedCrash e) {
          died[0] = true;
          hosts.forget(hosts.right);
          throw new N0Exception(N0Exception.Code.UNAVAILABLE, "target", "it has died");
        }
      }

      @Override
      public Verdict refuse(ResourceId machine, UUID token) {
        return way.refuse(machine, token);
      }
    };
  }

  /** What the agents do when they are there again, and the program that moved the machine. */
  private void recover(String at) {
    hosts.forget(hosts.left);
    hosts.forget(hosts.right);
    int before = hosts.running();
    hosts.agent(hosts.left).apply(context(), hosts.id, spec);
    assertThat(hosts.running()).as(at).isGreaterThanOrEqualTo(before);
    hosts.agent(hosts.right).apply(context(), hosts.id, spec);
    assertThat(hosts.running()).as(at).isGreaterThanOrEqualTo(before);
    Verdict verdict = TwoHosts.migration(hosts.agent(hosts.left))
        .settle(context(), hosts.id, hosts.way(hosts.right));
    assertThat(hosts.running()).as(at).isEqualTo(1);
    boolean left = hosts.runs(hosts.left);
    assertThat(verdict).as(at).isEqualTo(left ? Verdict.REFUSED : Verdict.TAKEN);
    assertThat(phase(hosts.left)).as(at).isEqualTo(left ? Phase.SETTLED : Phase.MIGRATED);
    if (left) {
      move();
    } else {
      assertThat(phase(hosts.right)).as(at).isEqualTo(Phase.SETTLED);
      assertThat(hosts.left.processes()).as(at).isEmpty();
    }
  }

  private void move() {
    MigrationReport unused =
        hosts.migrate(hosts.left, hosts.right, MigrationReception.unix(), MigrationOptions.usual());
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  private Phase phase(Host host) {
    return TwoHosts.migration(hosts.agent(host)).phase(hosts.id);
  }
}
