package io.n0stack.n0core.kvm.internal.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.WaitingQemu;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Boards that get processors and memory; there is no guest. */
@Requires(Requirement.QEMU)
class GrowingBoardIT {
  private static final long MIB = 1 << 20;
  private static final Limits LIMITS = new Limits(
      Duration.ofSeconds(20),
      Duration.ofSeconds(20),
      Duration.ofSeconds(20),
      Duration.ofSeconds(20));
  private static final MachineSpec SMALL = MachineSpec.builder(1, 128 * MIB)
      .hardware(Hardware.standard()
          .withCpu(new Hardware.Cpu(
              Optional.empty(), Optional.of(new Hardware.Topology(2, 2, 1)), Optional.of(4)))
          .withMemory(new Hardware.Memory(Optional.of(1024 * MIB), Optional.empty())))
      .build();

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void end() throws InterruptedException {
    for (Process process : started) {
      process.destroyForcibly().waitFor();
    }
  }

  private Run launch(String name) throws IOException {
    Run run = new Run(id.uid(), Files.createDirectory(directory.resolve(name)));
    started.add(WaitingQemu.start(
        run,
        "-machine",
        "q35",
        "-accel",
        "tcg",
        "-smp",
        "cpus=1,maxcpus=4,sockets=2,cores=2,threads=1",
        "-m",
        "size=128M,slots=8,maxmem=1024M"));
    return run;
  }

  private static MachineRecord grown(MachineRecord record, int vcpus, long mib) {
    return record.wanting(record.spec().toBuilder(vcpus, mib * MIB).build(), Unfinished.DEVICES);
  }

  private static MachineRecord converge(
      StandaloneContext cx, MachineRecord record, Monitor monitor, Run run) {
    return Devices.missing(cx, record, Set.of()).converge(monitor, run, Duration.ZERO);
  }

  private static List<String> processors(Monitor monitor) {
    return monitor.execute("query-hotpluggable-cpus").list("").stream()
        .filter(one -> one.find("/qom-path").isPresent())
        .map(one -> one.text("/qom-path"))
        .sorted()
        .toList();
  }

  @Test
  void processorsAndMemoryAreAddedOnceAndAnotherBoardCanBeMadeTheSame() throws Exception {
    Run run = launch("run.0");
    MachineRecord record = new MachineRecord(id, SMALL);
    try (Monitor monitor = new Monitors().toChange("web1", run, LIMITS)) {
      record = converge(new StandaloneContext(), grown(record, 2, 256), monitor, run);
      StandaloneContext again = new StandaloneContext();
      assertThat(converge(again, record, monitor, run)).isEqualTo(record);
      assertThat(again.steps()).isEmpty();
      record = converge(new StandaloneContext(), grown(record, 4, 640), monitor, run);

      assertThat(monitor.execute("query-cpus-fast").list("")).hasSize(4);
      assertThat(new Dimms(monitor).missing(record.spec())).isZero();
      assertThat(record.addresses())
          .containsEntry("dimm:dimm0", 128)
          .containsEntry("dimm:dimm1", 384)
          .containsKeys("cpu:cpu-0-1-0", "cpu:cpu-1-0-0", "cpu:cpu-1-1-0");
      assertThat(record.unfinished()).isEqualTo(Unfinished.NONE);
      assertThat(record.running()).isEqualTo(SMALL);

      MachineRecord moved = MachineRecord.decode(record.encode());
      Run other = launch("run.1");
      try (Monitor twin = new Monitors().toChange("web1", other, LIMITS)) {
        Devices.all(new StandaloneContext(), moved).plug(twin);
        assertThat(processors(twin)).isEqualTo(processors(monitor));
        assertThat(twin.execute("query-memory-devices").toString())
            .isEqualTo(monitor.execute("query-memory-devices").toString());
      }
    }
  }

  @Test
  void memoryThatWasMadeButNotPluggedIsMadeAnew() throws Exception {
    Run run = launch("run.0");
    try (Monitor monitor = new Monitors().toChange("web1", run, LIMITS)) {
      monitor.execute(
          "object-add",
          java.util.Map.of("qom-type", "memory-backend-ram", "id", "mem-dimm0", "size", 2 * MIB));

      MachineRecord record = converge(
          new StandaloneContext(), grown(new MachineRecord(id, SMALL), 1, 256), monitor, run);

      assertThat(record.addresses()).containsEntry("dimm:dimm0", 128);
    }
  }

  @Test
  void moreThanTheBoardHasRoomForIsRefused() throws Exception {
    Run run = launch("run.0");
    try (Monitor monitor = new Monitors().toChange("web1", run, LIMITS)) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> new Processors(monitor).plug(5))
          .withMessageContaining("room for 3 more");
      assertThat(processors(monitor)).hasSize(1);
    }
  }

  @Test
  void growthIsLiveUpToWhatTheBoardWasMadeForAndInSteps() {
    assertThat(Changes.of("vcpus", SMALL, SMALL.toBuilder(4, 128 * MIB).build()))
        .isEqualTo(Change.LIVE);
    assertThat(memory(256)).isEqualTo(Change.LIVE);
    assertThat(memory(1024)).isEqualTo(Change.LIVE);
    assertThat(memory(192)).isEqualTo(Change.RESTART);
    MachineSpec big = SMALL.toBuilder(4, 256 * MIB).build();
    assertThat(Changes.of("vcpus", big, SMALL)).isEqualTo(Change.RESTART);
    assertThat(Changes.of("memoryBytes", big, SMALL)).isEqualTo(Change.RESTART);

    MachineRecord record = new MachineRecord(id, SMALL).wanting(big, Unfinished.NONE);
    assertThat(Changes.restarts(record, big)).isEmpty();
    assertThat(Changes.restarts(record, SMALL.toBuilder(2, 256 * MIB).build()))
        .as("fewer than were plugged, though more than at the launch")
        .containsExactly("vcpus");
  }

  private static Change memory(long mib) {
    return Changes.of("memoryBytes", SMALL, SMALL.toBuilder(1, mib * MIB).build());
  }
}
