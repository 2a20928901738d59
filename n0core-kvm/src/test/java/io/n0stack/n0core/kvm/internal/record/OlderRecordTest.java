package io.n0stack.n0core.kvm.internal.record;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.DiskTuning.Aio;
import io.n0stack.n0core.api.compute.DiskTuning.Cache;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class OlderRecordTest {
  private static final String OLDER = """
      {
        "format" : 1,
        "kind" : "machine",
        "name" : "web1",
        "uid" : "6e30636f-7265-4000-8000-000000000001",
        "unfinished" : "RESTART",
        "spec" : SPEC,
        "running" : SPEC,
        "addresses" : { "pci:disk-root" : 0, "pci:nic-eth0" : 1 }
      }
      """;
  private static final String SPEC = """
      {
        "vcpus" : 2,
        "memoryBytes" : 268435456,
        "disks" : [ { "volume" : "root", "bootOrder" : 0, "model" : null } ],
        "nics" : [ { "port" : "eth0" } ],
        "firmware" : { "type" : "bios" },
        "chipset" : "Q35",
        "accelerator" : "TCG",
        "display" : "NONE",
        "powerPolicy" : "MANUAL",
        "cloudInit" : null,
        "limits" : null,
        "hardware" : {
          "cpu" : null,
          "memory" : { "mostBytes" : 536870912, "hugePageBytes" : null },
          "shares" : [ ],
          "tpm" : null,
          "watchdog" : null,
          "vsockCid" : null,
          "rawArguments" : [ ]
        }
      }
      """;

  @Test
  void whatAnEarlierVersionWroteIsRead() throws IOException {
    MachineRecord record = MachineRecord.decode(OLDER.replace("SPEC", SPEC));

    assertThat(record.unfinished()).isEqualTo(Unfinished.RESTART);
    for (MachineSpec spec : List.of(record.spec(), record.running())) {
      assertThat(spec.disks()).containsExactly(new Disk("root", Optional.of(0), Optional.empty()));
      assertThat(spec.nics()).containsExactly(new Nic("eth0"));
      assertThat(spec.hardware())
          .contains(Hardware.standard()
              .withMemory(new Memory(Optional.of(512L << 20), Optional.empty())));
    }
  }

  @Test
  void whatIsNewIsReadBack() throws IOException {
    Disk disk = new Disk("root", Optional.of(0), Optional.of(DiskModel.NVME))
        .withLimits(DiskLimits.none().withBytes(1 << 20, 2 << 20).withRequests(7))
        .withTuning(DiskTuning.standard().withCache(Cache.DIRECTSYNC).withAio(Aio.NATIVE));
    MachineSpec spec = MachineSpec.builder(2, 256 << 20)
        .disk(disk)
        .nic(new Nic("eth0").withQueues(2))
        .hardware(Hardware.standard()
            .withMemory(Memory.standard().withTargetBytes(128 << 20))
            .withCdroms(
                List.of(new Cdrom("one", Optional.of("iso"), Optional.of(1)), Cdrom.empty("two"))))
        .build();
    MachineRecord record = new MachineRecord(ResourceId.fresh("machine", "web1"), spec);

    assertThat(MachineRecord.decode(record.encode())).isEqualTo(record);
    assertThat(record.addresses())
        .containsEntry("pci:scsi0", 0)
        .containsEntry("scsi:cd-one", 0)
        .containsEntry("scsi:cd-two", 1);
  }
}
