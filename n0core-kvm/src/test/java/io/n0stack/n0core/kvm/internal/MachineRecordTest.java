package io.n0stack.n0core.kvm.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.ResourceId;
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
  void onlyThePowerPolicyMayChange() {
    MachineRecord record = new MachineRecord(id, MachineSpec.builder(1, 1 << 20).build());
    MachineSpec other = MachineSpec.builder(2, 1 << 20)
        .chipset(Chipset.PC)
        .powerPolicy(PowerPolicy.MANUAL)
        .build();

    assertThat(record.fixedFieldsChangedBy(other)).containsExactly("vcpus", "chipset");
    assertThat(record.withPowerPolicy(PowerPolicy.MANUAL).fixedFieldsChangedBy(record.spec()))
        .isEmpty();
  }
}
