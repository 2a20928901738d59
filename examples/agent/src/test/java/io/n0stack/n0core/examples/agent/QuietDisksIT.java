package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.storage.ExternalSnapshots;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The disks of a running Linux guest, one of them raw, are frozen and kept as they are at one moment. */
@Requires({Requirement.ROOT, Requirement.QEMU, Requirement.GUEST_AGENT})
class QuietDisksIT {
  private static final long MIB = 1 << 20;
  private static final Duration LIMIT = Duration.ofMinutes(1);
  private static final Duration BOOT = Duration.ofMinutes(3);

  private Path guest;
  private Path home;
  private Qcow2DirectoryDriver volumes;
  private Agent agent;

  @BeforeEach
  void open() throws Exception {
    guest = Path.of("target", "guest").toAbsolutePath();
    Files.createDirectories(guest);
    Path builder = Path.of("..", "guest", "mkguest").toAbsolutePath().normalize();
    Process build = new ProcessBuilder("sh", builder.toString(), guest.toString())
        .redirectErrorStream(true)
        .redirectOutput(guest.resolve("mkguest.log").toFile())
        .start();
    assertThat(build.waitFor()).isZero();
    // Not a @TempDir: the paths of unix sockets below it must stay short.
    home = Files.createTempDirectory(Path.of("/tmp"), "n0k");
    volumes = new Qcow2DirectoryDriver(home.resolve("volumes"), LIMIT);
    agent = Agent.open(
        home.resolve("agent"),
        List.of(
            volumes,
            new QemuMachineDriver(
                KvmConfig.of(home.resolve("kvm")).withAccelerator(Accelerator.TCG))));
  }

  @AfterEach
  void close() throws Exception {
    agent.delete(bundle());
    agent.close();
    assertThat(new ProcessBuilder("rm", "-rf", home.toString()).start().waitFor())
        .isZero();
  }

  private Bundle bundle() {
    return Bundle.empty()
        .with(
            "machine",
            "web1",
            MachineSpec.builder(1, 256 * MIB)
                .chipset(Chipset.PC)
                .firmware(new Firmware.Kernel(
                    guest.resolve("kernel"),
                    Optional.of(guest.resolve("initrd")),
                    "console=ttyS0 quiet panic=-1"))
                .disk("root")
                .disk("data")
                .build())
        .with(
            "volume",
            "root",
            VolumeSpec.from(
                new ImageSource.Backing(guest.resolve("base.qcow2"), ImageFormat.QCOW2)))
        .with(
            "volume",
            "data",
            new VolumeSpec(ImageFormat.RAW, Optional.of(16 * MIB), Optional.empty()));
  }

  private VolumeStatus volume(String name) {
    return ((Observed.Present<VolumeStatus>) agent.observe("volume", name, VolumeStatus.class))
        .status();
  }

  private boolean said(String word) throws IOException {
    MachineStatus machine = ((Observed.Present<MachineStatus>)
            agent.observe("machine", "web1", MachineStatus.class))
        .status();
    return Files.readString(machine.serialLog(), StandardCharsets.ISO_8859_1).contains(word);
  }

  private SnapshotConsistency snapshot(String name) {
    Agent.Action<ExternalSnapshots, SnapshotConsistency> create = (snapshots, cx, id) -> {
      snapshots.createExternalSnapshots(cx, Set.copyOf(volumes.list()), name);
      return snapshots.consistency(id, name);
    };
    return agent
        .act("volume", "root", "snapshot", ExternalSnapshots.class, create)
        .await(LIMIT);
  }

  @Test
  void disksAreKeptAtOneMomentAndFrozen() {
    agent.apply(bundle());
    Path root = volume("root").path();
    Path data = volume("data").path();
    await().atMost(BOOT).until(() -> said("N0: READY"));

    AtomicInteger number = new AtomicInteger();
    await()
        .atMost(BOOT)
        .until(() -> snapshot("s" + number.incrementAndGet()) == SnapshotConsistency.FROZEN);

    assertThat(volume("root").path()).isNotEqualTo(root);
    assertThat(volume("data").path()).isNotEqualTo(data);
    assertThat(volume("data").format()).isEqualTo(ImageFormat.QCOW2);
    volumes
        .list()
        .forEach(id -> assertThat(volumes.consistency(id, "s" + number.get()))
            .isEqualTo(SnapshotConsistency.FROZEN));
  }
}
