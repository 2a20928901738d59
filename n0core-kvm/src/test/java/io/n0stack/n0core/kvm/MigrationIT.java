package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Requires({Requirement.ROOT, Requirement.QEMU})
class MigrationIT {
  @TempDir
  Path directory;

  private TwoHosts hosts;

  @BeforeEach
  void prepare() throws IOException {
    hosts = new TwoHosts(directory);
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  @ParameterizedTest
  @CsvSource({"PC,unix", "Q35,tcp"})
  void machineMovesThereAndBack(Chipset chipset, String how) {
    MigrationReception reception =
        how.equals("unix") ? MigrationReception.unix() : MigrationReception.tcp("127.0.0.1");
    hosts.agent(hosts.left).apply(context(), hosts.id, hosts.left.nano(chipset).build());
    await().until(() -> Host.said(Host.present(hosts.agent(hosts.left), hosts.id), "N0: READY"));

    MigrationReport there =
        hosts.migrate(hosts.left, hosts.right, reception, MigrationOptions.usual());

    assertThat(there.transferredBytes()).isPositive();
    assertThat(there.downtime()).isLessThanOrEqualTo(there.total());
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(TwoHosts.state(hosts.right, hosts.id)).isEqualTo(MachineState.RUNNING);
    assertThat(TwoHosts.state(hosts.left, hosts.id)).isEqualTo(MachineState.SHUTDOWN);
    assertThat(TwoHosts.reason(hosts.left, hosts.id)).isEqualTo("migration-migrated");
    assertThat(hosts.left.processes()).isEmpty();
    // Whatever the power policy says, it is not started where it has left.
    hosts.agent(hosts.left).apply(context(), hosts.id, hosts.left.nano(chipset).build());
    assertThat(hosts.left.processes()).isEmpty();

    MigrationReport unused =
        hosts.migrate(hosts.right, hosts.left, reception, MigrationOptions.usual());

    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(TwoHosts.migration(hosts.agent(hosts.left)).phase(hosts.id))
        .isEqualTo(Phase.SETTLED);
    assertThat(TwoHosts.migration(hosts.agent(hosts.right)).phase(hosts.id))
        .isEqualTo(Phase.MIGRATED);
  }
}
