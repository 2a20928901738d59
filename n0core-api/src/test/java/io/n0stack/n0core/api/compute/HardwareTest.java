package io.n0stack.n0core.api.compute;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.compute.Hardware.Cpu;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.Hardware.Topology;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HardwareTest {
  private static final long MIB = 1 << 20;
  private static final Hardware NOTHING = Hardware.standard();

  @Test
  void whatIsOutOfRangeIsRefusedByName() {
    Refusal.invalid("hardware.cpu.model", "max,enforce", "letters", () -> cpu("max,enforce"));
    Refusal.invalid("hardware.cpu.topology.cores", 0, "1 to 1024", () -> new Topology(1, 0, 1));
    Refusal.invalid(
        "hardware.cpu.topology", 1L << 20, "1 to 1024", () -> new Topology(1024, 1024, 1));
    Refusal.invalid(
        "hardware.memory.mostBytes",
        MIB + 1,
        "multiple",
        () -> new Memory(Optional.of(MIB + 1), Optional.empty()));
    Refusal.invalid(
        "hardware.memory.hugePageBytes",
        3 * MIB,
        "power of two",
        () -> new Memory(Optional.empty(), Optional.of(3 * MIB)));
    Refusal.invalid("hardware.vsockCid", 2L, "3 to", () -> NOTHING.withVsockCid(2));
    Refusal.invalid(
        "hardware.shares.tag",
        "a".repeat(36),
        "at most 35",
        () -> new Share("a".repeat(36), Path.of("/srv"), Share.Access.READ_ONLY));
    Share share = new Share("home", Path.of("/srv"), Share.Access.READ_ONLY);
    Refusal.invalid(
        "hardware.shares",
        List.of(share, share),
        "each tag once",
        () -> NOTHING.withShares(List.of(share, share)));
  }

  @Test
  void aMachineCannotHaveMoreThanItsMost() {
    MachineSpec.Builder two = MachineSpec.builder(2, 64 * MIB);

    Refusal.invalid(
        "hardware.cpu.mostVcpus",
        1,
        "at least vcpus, 2",
        () -> two.hardware(
                NOTHING.withCpu(new Cpu(Optional.empty(), Optional.empty(), Optional.of(1))))
            .build());
    Refusal.invalid(
        "hardware.cpu.topology",
        new Topology(1, 2, 1),
        "as many processors as can be plugged, 4",
        () -> two.hardware(NOTHING.withCpu(
                new Cpu(Optional.empty(), Optional.of(new Topology(1, 2, 1)), Optional.of(4))))
            .build());
    Refusal.invalid(
        "hardware.memory.mostBytes",
        32 * MIB,
        "at least memoryBytes",
        () -> two.hardware(NOTHING.withMemory(new Memory(Optional.of(32 * MIB), Optional.empty())))
            .build());
  }

  @Test
  void aCopyOfASpecDiffersInItsNumbersOnly() {
    MachineSpec spec = MachineSpec.builder(1, MIB)
        .bootDisk("root")
        .disk("cd", MachineSpec.DiskModel.CDROM)
        .nic("lan")
        .hardware(NOTHING.withTpm(Hardware.Tpm.VERSION_2_0))
        .build();

    assertThat(spec.toBuilder(1, MIB).build()).isEqualTo(spec);
    assertThat(spec.toBuilder(2, MIB).build()).isNotEqualTo(spec);
  }

  private static Cpu cpu(String model) {
    return new Cpu(Optional.of(model), Optional.empty(), Optional.empty());
  }
}
