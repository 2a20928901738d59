package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.compute.MigrationTls;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class MigrationWithDisksIT {
  private static final long SIZE = 16 << 20;

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private Path leftDisk;
  private Path rightDisk;

  @BeforeEach
  void start() throws Exception {
    Path base = directory.resolve("base.qcow2");
    leftDisk = directory.resolve("left.qcow2");
    rightDisk = directory.resolve("right.qcow2");
    run("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "16M");
    run("qemu-io", "-c", "write -P 0x5a 0 1M", base.toString());
    run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        base.toString(),
        leftDisk.toString());
    run("qemu-io", "-c", "write -P 0xa5 8M 1M", leftDisk.toString());
    run("qemu-img", "create", "-q", "-f", "qcow2", rightDisk.toString(), "16M");
    hosts = new TwoHosts(
        directory,
        () -> disk(leftDisk, Optional.of(base)),
        () -> disk(rightDisk, Optional.empty()));
    hosts
        .agent(hosts.left)
        .apply(
            hosts.leftContext.get(),
            hosts.id,
            hosts.left.nano(Chipset.Q35).bootDisk("root").build());
  }

  private static StandaloneContext disk(Path file, Optional<Path> base) {
    return Host.context()
        .with("volume", "root", new VolumeStatus(file, ImageFormat.QCOW2, SIZE, 0, base));
  }

  private static void run(String... command) throws Exception {
    String unused = Host.run(command);
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  private void assertMovedWithDisk() throws Exception {
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    hosts.agent(hosts.right).delete(Host.context(), hosts.id);
    run("qemu-img", "check", "-q", rightDisk.toString());
    run("qemu-img", "check", "-q", leftDisk.toString());
    run("qemu-img", "compare", "-q", leftDisk.toString(), rightDisk.toString());
    run(
        "qemu-io",
        "-r",
        "-c",
        "read -P 0x5a 0 1M",
        "-c",
        "read -P 0xa5 8M 1M",
        rightDisk.toString());
  }

  @Test
  void disksAreCopiedThroughUnixSockets() throws Exception {
    MigrationReport unused = hosts.migrate(
        hosts.left, hosts.right, MigrationReception.unix().withDisks(), MigrationOptions.usual());

    assertMovedWithDisk();
  }

  @Test
  void memoryAndDisksAreEncryptedAndBothEndsKnown() throws Exception {
    Certificates authority = new Certificates(directory.resolve("tls"));
    MigrationTls server =
        MigrationTls.of(authority.sign("server", "right", "IP:127.0.0.1")).withPeer("CN=left");
    MigrationTls client = MigrationTls.of(authority.sign("client", "left", "DNS:left"));
    MigrationTls stranger = MigrationTls.of(authority.sign("client", "stranger", "DNS:left"));
    MigrationReception reception =
        MigrationReception.tcp("127.0.0.1").withDisks().withTls(server);

    for (MigrationOptions wrong : java.util.List.of(
        MigrationOptions.usual(), // without any certificate
        MigrationOptions.usual().withTls(stranger),
        MigrationOptions.usual().withTls(client.withPeer("elsewhere")))) {
      assertThatThrownBy(() -> hosts.migrate(hosts.left, hosts.right, reception, wrong))
          .isInstanceOf(N0Exception.class);
      assertThat(hosts.runs(hosts.left)).isTrue();
      assertThat(hosts.running()).isEqualTo(1);
    }
    MigrationReport unused = hosts.migrate(
        hosts.left, hosts.right, reception, MigrationOptions.usual().withTls(client));

    assertMovedWithDisk();
  }

  @Test
  void whereverTheSourceDiesTheDiskIsWhereTheGuestRuns() throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      MigrationTerms terms =
          hosts.prepared(hosts.left, hosts.right, MigrationReception.unix().withDisks());
      try {
        MigrationReport unused = TwoHosts.migration(hosts.agent(hosts.left))
            .migrate(
                hosts.leftContext.get().crashAt(point),
                hosts.id,
                terms,
                MigrationOptions.usual(),
                hosts.way(hosts.right));
        crashed = false;
      } catch (SimulatedCrash e) {
        if (TwoHosts.migration(hosts.agent(hosts.left)).phase(hosts.id) == Phase.RELEASED
            || hosts.runs(hosts.right)) {
          break; // the rest is as without disks
        }
        hosts
            .agent(hosts.left)
            .apply(
                hosts.leftContext.get(),
                hosts.id,
                hosts.left.nano(Chipset.Q35).bootDisk("root").build());
        if (hosts.agent(hosts.left).capability(Migration.class).orElseThrow().phase(hosts.id)
            == Phase.RELEASED) {
          break; // its QEMU had completed
        }
        assertThat(hosts.runs(hosts.left)).as("point %s", point).isTrue();
        assertThat(hosts.running()).as("point %s", point).isEqualTo(1);
      }
    }
    assertThat(TwoHosts.migration(hosts.agent(hosts.left))
            .settle(Host.context(), hosts.id, hosts.way(hosts.right)))
        .isNotNull();
    assertMovedWithDisk();
  }

  @Test
  void cancelledInTheMiddleItGoesOnWhereItWas() throws Exception {
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.unix().withDisks());
    Cancelling cx = new Cancelling(hosts.leftContext.get());

    assertThatThrownBy(() -> TwoHosts.migration(hosts.agent(hosts.left))
            .migrate(
                cx,
                hosts.id,
                terms,
                MigrationOptions.usual().withMostBytesPerSecond(8192),
                hosts.way(hosts.right)))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));

    assertThat(cx.reported()).as("progress of the memory").isPositive();
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    await().until(() -> hosts.right.processes().isEmpty());
    assertThat(TwoHosts.migration(hosts.agent(hosts.right)).phase(hosts.id))
        .isEqualTo(Phase.REFUSED);
    MigrationReport unused = hosts.migrate(
        hosts.left, hosts.right, MigrationReception.unix().withDisks(), MigrationOptions.usual());
    assertMovedWithDisk();
  }
}
