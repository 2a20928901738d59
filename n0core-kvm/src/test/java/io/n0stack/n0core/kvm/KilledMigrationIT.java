package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledMigrationIT {
  private static final int KILLS = Repetition.of(6);
  private static final int MOST_KILLS = 40;
  private static final int LONGEST_MILLIS = 500;

  @TempDir
  Path directory;

  @Test
  void agentsThatAreKilledTogetherLeaveOneMachine() throws Exception {
    TwoHosts hosts = new TwoHosts(directory);
    MachineSpec spec = hosts.left.nano(Chipset.PC).build();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int cutShort = 0;
    // Some are not hit; where few are tried, one more may be needed.
    for (int kill = 0; kill < KILLS || (cutShort == 0 && kill < MOST_KILLS); kill++) {
      String at = "seed " + seed + ", kill " + kill;
      try {
        hosts.agent(hosts.left).apply(context(), hosts.id, spec);
        if (killed(hosts, random)) {
          cutShort++;
        }
        int before = hosts.running();
        hosts.agent(hosts.right).apply(context(), hosts.id, spec);
        hosts.agent(hosts.left).apply(context(), hosts.id, spec);
        if (TwoHosts.migration(hosts.agent(hosts.left)).phase(hosts.id) != Phase.RELEASED) {
          // Otherwise QEMU had sent the rest without its agent.
          assertThat(hosts.running()).as(at).isGreaterThanOrEqualTo(before);
        }
        Verdict where = TwoHosts.migration(hosts.agent(hosts.left))
            .settle(context(), hosts.id, hosts.way(hosts.right));
        assertThat(hosts.running()).as(at).isEqualTo(1);
        assertThat(hosts.runs(hosts.left)).as(at).isEqualTo(where == Verdict.REFUSED);
        assertThat(TwoHosts.migration(hosts.agent(hosts.left)).phase(hosts.id))
            .as(at)
            .isEqualTo(where == Verdict.REFUSED ? Phase.SETTLED : Phase.MIGRATED);
      } finally {
        hosts.cleanUp();
      }
    }
    assertThat(cutShort).as("migrations that were cut short, seed " + seed).isPositive();
  }

  private boolean killed(TwoHosts hosts, Random random) throws Exception {
    Process agents = KilledAgentIT.java(
        OneMigration.class, directory.toString(), hosts.id.uid().toString());
    assertThat(agents.getInputStream().read()).isEqualTo('r');
    boolean ended = agents.waitFor(random.nextInt(LONGEST_MILLIS), TimeUnit.MILLISECONDS);
    agents.destroyForcibly().waitFor();
    return !ended;
  }
}
