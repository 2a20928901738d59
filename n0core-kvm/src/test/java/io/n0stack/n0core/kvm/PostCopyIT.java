package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationOptions.Convergence;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest that is to run before its memory has come: refused, and why. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class PostCopyIT {
  private static final Path UNPRIVILEGED = Path.of("/proc/sys/vm/unprivileged_userfaultfd");

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private MigrationTerms terms;

  @BeforeEach
  void prepare() throws IOException {
    hosts = new TwoHosts(directory);
    hosts
        .agent(hosts.left)
        .apply(context(), hosts.id, hosts.left.nano(Chipset.PC).build());
    terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  @Test
  void itIsRefusedBeforeAnythingIsDoneAndTheTokenStaysGood() {
    Migration source = TwoHosts.migration(hosts.agent(hosts.left));
    StandaloneContext cx = context();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> source.migrate(
            cx,
            hosts.id,
            terms,
            MigrationOptions.usual().withConvergence(Convergence.POST_COPY),
            hosts.way(hosts.right)))
        .withMessageContaining("convergence POST_COPY")
        .withMessageContaining("must be WAIT or SLOW_DOWN")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));

    assertThat(cx.steps()).isEmpty();
    assertThat(source.phase(hosts.id)).isEqualTo(Phase.SETTLED);
    assertThat(hosts.runs(hosts.left)).isTrue();
    MigrationReport unused = source.migrate(
        context(), hosts.id, terms, MigrationOptions.usual(), hosts.way(hosts.right));
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  @Test
  void qemuThatMayDoNothingIsRefusedItByTheKernel() throws IOException {
    assumeThat(
            Files.exists(UNPRIVILEGED) && Files.readString(UNPRIVILEGED).strip().equals("0"))
        .as("the host keeps userfaultfd from those without capabilities")
        .isTrue();
    Path waiting =
        Host.present(hosts.agent(hosts.right), hosts.id).serialLog().resolveSibling("rescue");

    try (QmpClient qmp = QmpClient.connect(waiting, TwoHosts.LIMIT)) {
      assertThatExceptionOfType(QmpException.class)
          .isThrownBy(() -> qmp.execute(
              "migrate-set-capabilities",
              Map.of("capabilities", List.of(Map.of("capability", "postcopy-ram", "state", true))),
              TwoHosts.LIMIT))
          .withMessageContaining("ostcopy");
    }
  }
}
