package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.storage.ExternalSnapshots;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeMaintenance.ExportedImage;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The disk of a running machine is made larger, frozen and joined by way of two drivers. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LiveDiskIT extends AgentFixture {
  @Override
  void deleteAll() {
    agent.delete(bundle(MIB));
  }

  private Bundle bundle(long diskBytes) {
    return Bundle.empty()
        .with("machine", "web1", machineSpec())
        .with("volume", "root", VolumeSpec.empty(diskBytes));
  }

  private MachineSpec machineSpec() {
    return MachineSpec.builder(1, 24 * MIB)
        .firmware(new Firmware.Rom(Setup.rom(home)))
        .bootDisk("root")
        .build();
  }

  private VolumeStatus volume() {
    Observed<VolumeStatus> seen = agent.observe("volume", "root", VolumeStatus.class);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    assertThat(((Observed.Present<VolumeStatus>) seen).complete()).isTrue();
    return ((Observed.Present<VolumeStatus>) seen).status();
  }

  private MachineStatus machine() {
    return ((Observed.Present<MachineStatus>) agent.observe("machine", "web1", MachineStatus.class))
        .status();
  }

  @Test
  void machineGoesOnWhileItsDiskChanges() {
    agent.apply(bundle(8 * MIB));
    MachineStatus before = machine();
    Path lowest = volume().path();

    agent.apply("volume", "root", VolumeSpec.empty(16 * MIB)).await(LIMIT);
    assertThat(volume().sizeBytes()).isEqualTo(16 * MIB);
    Agent.Action<ExternalSnapshots, Boolean> create = (snapshots, cx, id) -> {
      snapshots.createExternalSnapshot(cx, id, "before");
      return true;
    };
    agent.act("volume", "root", "snapshot", ExternalSnapshots.class, create).await(LIMIT);
    assertThat(volume().path()).isNotEqualTo(lowest);
    assertThat(volume().backingImage()).contains(lowest);
    Agent.Action<ExternalSnapshots, Boolean> delete = (snapshots, cx, id) -> {
      snapshots.deleteExternalSnapshot(cx, id, "before");
      return true;
    };
    agent.act("volume", "root", "join", ExternalSnapshots.class, delete).await(LIMIT);

    assertThat(volume().path()).isEqualTo(lowest);
    assertThat(machine().state()).isEqualTo(MachineState.RUNNING);
    assertThat(machine().pid()).isEqualTo(before.pid());
  }

  @Test
  void cloneIsExportedAndFlattenedWhileItsMachineRuns() {
    agent.apply("volume", "base", VolumeSpec.empty(8 * MIB)).await(LIMIT);
    VolumeStatus base = ((Observed.Present<VolumeStatus>)
            agent.observe("volume", "base", VolumeStatus.class))
        .status();
    agent
        .apply(
            "volume", "root", VolumeSpec.from(new ImageSource.Backing(base.path(), base.format())))
        .await(LIMIT);
    agent.apply("machine", "web1", machineSpec()).await(LIMIT);
    MachineStatus before = machine();
    Path image = home.resolve("image.raw");

    Agent.Action<VolumeMaintenance, ExportedImage> export =
        (maintenance, cx, id) -> maintenance.export(cx, id, image, ImageFormat.RAW);
    ExportedImage exported =
        agent.act("volume", "root", "export", VolumeMaintenance.class, export).await(LIMIT);
    assertThat(exported.path()).hasSize(8 * MIB);
    assertThat(exported.consistency()).isEqualTo(SnapshotConsistency.CRASH);
    Agent.Action<VolumeMaintenance, Boolean> flatten = (maintenance, cx, id) -> {
      maintenance.flatten(cx, id);
      return true;
    };
    agent.act("volume", "root", "flatten", VolumeMaintenance.class, flatten).await(LIMIT);

    assertThat(volume().backingImage()).isEmpty();
    agent.delete("volume", "base").await(LIMIT);
    assertThat(machine().state()).isEqualTo(MachineState.RUNNING);
    assertThat(machine().pid()).isEqualTo(before.pid());
  }
}
