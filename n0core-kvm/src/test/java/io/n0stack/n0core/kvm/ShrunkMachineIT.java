package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A board that has grown is saved and comes back as it was, and is small again after a start. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ShrunkMachineIT extends BoardFixture {
  private static final long MIB = 1 << 20;

  /** What QEMU has: processors, memory that came with the board, DIMMs. */
  private record Size(int vcpus, long mebibytes, List<Long> dimms) {}

  ShrunkMachineIT() {
    super(Duration.ofMillis(300), 0);
  }

  private MachineSpec.Builder spec(Chipset chipset, int vcpus, long mebibytes) {
    return board.host.nano(chipset).build().toBuilder(vcpus, mebibytes * MIB)
        .hardware(Hardware.standard()
            .withCpu(new Hardware.Cpu(Optional.empty(), Optional.empty(), Optional.of(4)))
            .withMemory(new Hardware.Memory(Optional.of(1024 * MIB), Optional.empty())));
  }

  private void apply(Chipset chipset, int vcpus, long mebibytes) throws Exception {
    driver.apply(board.cx(), id, spec(chipset, vcpus, mebibytes).build());
  }

  private Size size() {
    try (QmpClient qmp = board.qmp(driver, id)) {
      return new Size(
          qmp.execute("query-cpus-fast", Board.LIMIT).list("").size(),
          qmp.execute("query-memory-size-summary", Board.LIMIT).number("/base-memory") / MIB,
          qmp.execute("query-memory-devices", Board.LIMIT).list("").stream()
              .map((QmpResult dimm) -> dimm.number("/data/size") / MIB)
              .toList());
    }
  }

  private String record() throws Exception {
    return Files.readString(board.host.root.resolve(id.uid().toString()).resolve("machine.json"));
  }

  @ParameterizedTest
  @EnumSource(names = {"PC", "Q35"})
  void fewerVcpusAndLessMemoryTakeEffectAtTheNextStart(Chipset chipset) throws Exception {
    apply(chipset, 1, 128);
    apply(chipset, 2, 256);
    apply(chipset, 4, 512);
    Size grown = new Size(4, 128, List.of(128L, 256L));
    assertThat(size()).isEqualTo(grown);
    assertThat(record()).contains("cpu:cpu-3-0-0", "dimm:dimm1");
    long pid = pid(driver, id);
    MachineSpec less = spec(chipset, 2, 256).build();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(board.cx(), id, less))
        .withMessageContaining("[memoryBytes, vcpus] can be changed only by a restart")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    assertThat(size()).isEqualTo(grown);
    driver.apply(new Restarting(board.cx()), id, less);

    assertThat(pid(driver, id)).isNotEqualTo(pid);
    assertThat(size()).isEqualTo(new Size(2, 256, List.of()));
    assertThat(record()).doesNotContain("cpu:", "dimm:");
    apply(chipset, 3, 384);
    assertThat(size()).isEqualTo(new Size(3, 256, List.of(128L)));

    driver.power(Host.context(), id, PowerAction.HARD_SHUTDOWN);
    apply(chipset, 1, 64);
    driver.power(board.cx(), id, PowerAction.BOOT);
    assertThat(size()).isEqualTo(new Size(1, 64, List.of()));
    assertThat(record()).doesNotContain("cpu:", "dimm:");
  }

  @Test
  void aBoardThatHasGrownIsSavedOnlyWhenItIsWholeAndComesBackAsLarge() throws Exception {
    apply(Chipset.Q35, 1, 128);
    MachineSpec more = spec(Chipset.Q35, 3, 384).build();
    int refusals = 0;
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      try {
        driver.apply(board.cx().crashAt(point), id, more);
        crashed = false;
      } catch (SimulatedCrash e) {
        refusals += refusesToSave();
        driver.apply(board.cx(), id, more);
      }
      assertThat(size()).isEqualTo(new Size(3, 128, List.of(256L)));
      driver.power(board.cx(), id, PowerAction.SAVE);
      driver.power(board.cx(), id, PowerAction.BOOT);
      assertThat(size()).isEqualTo(new Size(3, 128, List.of(256L)));
      assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
      driver.apply(new Restarting(board.cx()), id, spec(Chipset.Q35, 1, 128).build());
    }
    assertThat(refusals).isGreaterThan(2);
  }

  /** Returns one if the change is begun, so that the board is no longer that of the spec. */
  private int refusesToSave() throws Exception {
    if (!record().contains("\"DEVICES\"")) {
      return 0;
    }
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.power(board.cx(), id, PowerAction.SAVE))
        .withMessageContaining("unfinished")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
    return 1;
  }

  @Test
  void memoryIsNotPutBackOnABoardThatHasGrownSince() throws Exception {
    board.make("a");
    MachineSpec small = spec(Chipset.Q35, 1, 128).disk("a").build();
    MachineSpec large = spec(Chipset.Q35, 2, 256).disk("a").build();
    driver.apply(board.cx(), id, small);
    MachineSnapshots snapshots = driver.capability(MachineSnapshots.class).orElseThrow();
    snapshots.takeSnapshot(board.cx(), id, "small", Content.MEMORY);
    snapshots.revertToSnapshot(board.cx(), id, "small");
    driver.apply(board.cx(), id, large);
    Size grown = new Size(2, 128, List.of(128L));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> snapshots.revertToSnapshot(board.cx(), id, "small"))
        .withMessageContaining("its memory belongs to a board of Q35, 1 vCPUs")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(size()).isEqualTo(grown);
    snapshots.takeSnapshot(board.cx(), id, "grown", Content.MEMORY);
    snapshots.revertToSnapshot(board.cx(), id, "grown");
    assertThat(size()).isEqualTo(grown);

    driver.apply(new Restarting(board.cx()), id, small);
    assertThatExceptionOfType(N0Exception.class)
        .as("which QEMU would refuse when the disks are set back already")
        .isThrownBy(() -> snapshots.revertToSnapshot(board.cx(), id, "grown"));
    snapshots.revertToSnapshot(board.cx(), id, "small");
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
  }
}
