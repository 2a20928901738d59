package io.n0stack.n0core.kvm.internal.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MachineRecordTest {
  private final ResourceId id = ResourceId.fresh("machine", "web1");

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    for (Firmware firmware : List.of(
        new Firmware.Bios(),
        new Firmware.Rom(Path.of("/r o,m=\"x\"")),
        new Firmware.Uefi(Firmware.Uefi.SecureBoot.ON),
        new Firmware.Kernel(Path.of("/k"), Optional.of(Path.of("/i")), "a \"b\""),
        new Firmware.Kernel(Path.of("/k"), Optional.empty(), ""))) {
      MachineRecord record = new MachineRecord(
          id,
          MachineSpec.builder(2, 64 << 20)
              .bootDisk("root")
              .disk("data")
              .nic("eth0")
              .firmware(firmware)
              .build());

      assertThat(MachineRecord.decode(record.encode())).isEqualTo(record);
    }
  }

  @Test
  void anythingElseIsRefused() {
    String good = new MachineRecord(id, MachineSpec.builder(1, 1 << 20).build()).encode();

    for (String bad : List.of(
        "",
        "{}",
        "[]",
        good.substring(0, good.length() / 2),
        good.replace("\"format\" : 1", "\"format\" : 2"),
        good.replace("web1", "../x"),
        good.replaceAll("(?s)\"spec\" : .*", "\"spec\" : null}"),
        good.replaceAll("(?s),\\s*\"spec\" : .*", "}"),
        good.replace("\"nics\" : [ ]", "\"nics\" : null"),
        good.replace("\"vcpus\" : 1", "\"vcpus\" : 0"),
        good.replace("\"vcpus\"", "\"unheardOf\""))) {
      assertThatExceptionOfType(IOException.class)
          .as(bad)
          .isThrownBy(() -> MachineRecord.decode(bad));
    }
  }

  @Test
  void whatIsBeingChangedIsReadBack() throws IOException {
    MachineSpec before =
        MachineSpec.builder(1, 1 << 20).disk("data").nic("eth0").build();
    MachineSpec after = before.toBuilder(2, 1 << 20).disk("more").build();
    MachineRecord record = new MachineRecord(id, before).wanting(after, Unfinished.RESTART);

    assertThat(MachineRecord.decode(record.encode())).isEqualTo(record);
    assertThat(record.running()).isEqualTo(before);
    assertThat(record.spec()).isEqualTo(after);
  }

  @Test
  void deviceKeepsItsAddressAndNoneIsGivenTwice() {
    MachineSpec before =
        MachineSpec.builder(1, 1 << 20).disk("a").disk("b").nic("eth0").build();
    MachineSpec after = MachineSpec.builder(1, 1 << 20)
        .disk("c", DiskModel.CDROM)
        .disk("b")
        .disk("d", DiskModel.VIRTIO_SCSI)
        .disk("e")
        .nic("eth0")
        .build();

    MachineRecord record = new MachineRecord(id, before).wanting(after, Unfinished.DEVICES);

    assertThat(record.addresses())
        .containsEntry("pci:disk-a", 0) // until the guest has released it
        .containsEntry("pci:disk-b", 1)
        .containsEntry("pci:nic-eth0", 2)
        .containsEntry("pci:scsi0", 3)
        .containsEntry("scsi:disk-c", 0)
        .containsEntry("scsi:disk-d", 1)
        .containsEntry("pci:disk-e", 4)
        .hasSize(7);
    MachineRecord launched = record.launched();
    assertThat(launched.addresses()).doesNotContainKey("pci:disk-a").containsEntry("pci:disk-e", 4);
    assertThat(launched.running()).isEqualTo(after);
    MachineSpec pc = after.toBuilder(1, 1 << 20).chipset(Chipset.PC).build();
    assertThat(record.wanting(pc, Unfinished.RESTART).launched().addresses())
        .containsEntry("pci:scsi0", 0)
        .containsEntry("pci:disk-b", 1);
  }

  @Test
  void thereAreOnlySoManyAddresses() {
    MachineSpec.Builder builder = MachineSpec.builder(1, 1 << 20).chipset(Chipset.PC);
    for (int i = 0; i < 28; i++) {
      builder.disk("d" + i);
    }
    MachineSpec full = builder.build();
    MachineRecord record = new MachineRecord(id, full);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() ->
            record.wanting(full.toBuilder(1, 1 << 20).disk("more").build(), Unfinished.DEVICES))
        .withMessageContaining("28")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED));
  }
}
