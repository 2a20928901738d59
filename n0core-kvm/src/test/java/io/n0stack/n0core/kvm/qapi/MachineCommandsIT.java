package io.n0stack.n0core.kvm.qapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Machines, processors, memory and devices of a real QEMU. */
@Requires(Requirement.QEMU)
class MachineCommandsIT {
  private static final String ID = "7ba2f7f4-4a9e-4a4e-a4ae-2a3f61a5e1f9";

  @TempDir
  Path directory;

  private Qemu nano(String... more) throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("-machine", "pc", "-bios", Qemu.nano(directory).toString()));
    arguments.addAll(List.of(more));
    return Qemu.start(directory, arguments.toArray(new String[0]));
  }

  @Test
  void emptyMachineIsDescribed() throws Exception {
    try (Qemu qemu = Qemu.start(directory, "-machine", "none", "-name", "web1", "-uuid", ID)) {
      MachineCommands machine = qemu.qapi().machine();
      assertThat(machine.status().status().is(RunState.PRELAUNCH)).isTrue();
      assertThat(machine.version().major()).isGreaterThanOrEqualTo(7);
      assertThat(machine.name()).contains("web1");
      assertThat(machine.uuid()).isEqualTo(UUID.fromString(ID));
      assertThat(machine.kvm().enabled()).isFalse();
      assertThat(machine.architecture()).isEqualTo("x86_64");
      assertThat(machine.machineTypes()).extracting(MachineType::name).contains("pc-q35-7.2");
      assertThat(machine.commands()).hasSizeGreaterThan(200).contains("query-status");
      assertThat(machine.commandLineOptions())
          .anyMatch(each -> each.option().equals("m") || each.option().equals("memory"));
      assertThat(machine.humanMonitorCommand("info version")).contains(".");
      qemu.qapi().device().objectAdd(Map.of("qom-type", "iothread", "id", "io0"));
      assertThat(machine.ioThreads()).extracting(IoThread::id).containsExactly("io0");
      qemu.qapi().device().objectDel("io0");
      assertThat(machine.ioThreads()).isEmpty();
      assertThat(qemu.qapi().device().tpms()).isEmpty();
      assertThat(qemu.qapi().device().prManagers()).isEmpty();
      assertThatThrownBy(machine::generationId).isInstanceOf(QmpException.class);

      machine.quit();

      assertThat(qemu.process().waitFor()).isZero();
      assertThat(qemu.await1(RunEvent.Shutdown.class).reason().is(ShutdownCause.HOST_QMP_QUIT))
          .isTrue();
    }
  }

  @Test
  void powerIsSwitchedAndReported() throws Exception {
    try (Qemu qemu = nano("-device", "vmgenid,guid=" + ID)) {
      MachineCommands machine = qemu.qapi().machine();
      machine.setAction(Actions.unchanged()
          .withReboot(RebootAction.RESET)
          .withShutdown(ShutdownAction.PAUSE)
          .withPanic(PanicAction.PAUSE)
          .withWatchdog(WatchdogAction.PAUSE));
      assertThat(machine.generationId()).isEqualTo(UUID.fromString(ID));
      assertThat(machine.canWakeUp()).isTrue();
      assertThatThrownBy(machine::systemWakeup).isInstanceOf(QmpException.class);

      machine.cont();
      qemu.await1(RunEvent.Resume.class);
      assertThat(machine.status().running()).isTrue();
      machine.injectNmi();
      machine.resetRtcReinjection();
      machine.stop();
      qemu.await1(RunEvent.Stop.class);
      assertThat(machine.status().status().is(RunState.PAUSED)).isTrue();
      machine.cont();
      machine.systemReset();
      assertThat(qemu.await1(RunEvent.Reset.class).reason().is(ShutdownCause.HOST_QMP_SYSTEM_RESET))
          .isTrue();
      await().atMost(Qemu.LIMIT).until(() -> {
        machine.systemPowerdown();
        return machine.status().status().is(RunState.SHUTDOWN);
      });

      qemu.await1(RunEvent.Powerdown.class);
      assertThat(qemu.await1(RunEvent.Shutdown.class).guest()).isTrue();
      assertThat(qemu.process().isAlive()).isTrue();
    }
  }

  @Test
  void processorsAreListedAndPlugged() throws Exception {
    try (Qemu qemu = nano("-smp", "1,maxcpus=2", "-cpu", "qemu64")) {
      CpuCommands cpus = qemu.qapi().cpu();
      assertThat(cpus.cpus()).hasSize(1).allMatch(each -> each.threadId() > 0);
      assertThat(cpus.cpus().get(0).topology().orElseThrow().coreId()).isPresent();
      HotpluggableCpu free = cpus.hotpluggable().stream()
          .filter(each -> each.qomPath().isEmpty())
          .findFirst()
          .orElseThrow();
      qemu.qapi()
          .device()
          .deviceAdd(Map.of(
              "driver", free.type(),
              "id", "cpu1",
              "socket-id", free.topology().socketId().orElseThrow(),
              "core-id", free.topology().coreId().orElseThrow(),
              "thread-id", free.topology().threadId().orElseThrow()));
      assertThat(cpus.cpus()).hasSize(2);
      assertThat(cpus.definitions()).extracting(CpuDefinition::name).contains("qemu64", "max");
      CpuModel full = cpus.expand(CpuExpansion.FULL, "qemu64", Map.of("avx2", true));
      assertThat(full.properties().orElseThrow().flag("/avx2")).isTrue();
      assertThat(cpus.expand(CpuExpansion.STATIC, "qemu64", Map.of()).name()).isEqualTo("base");
      // Only KVM has statistics, and only with a dirty ring can writing be slowed down.
      assertThat(cpus.stats(StatsTarget.VM)).isEmpty();
      assertThat(cpus.statsSchemas()).isEmpty();
      assertThatThrownBy(() -> cpus.setDirtyLimit(10)).isInstanceOf(QmpException.class);
      cpus.cancelDirtyLimit();
    }
  }

  @Test
  void memoryIsPluggedBallooned() throws Exception {
    Path dump = directory.resolve("dump");
    try (Qemu qemu = nano("-m", "16M,slots=2,maxmem=1G", "-device", "virtio-balloon,id=balloon0")) {
      MemoryCommands memory = qemu.qapi().memory();
      qemu.qapi()
          .device()
          .objectAdd(Map.of("qom-type", "memory-backend-ram", "id", "mem1", "size", 128L << 20));
      qemu.qapi().device().deviceAdd(Map.of("driver", "pc-dimm", "id", "dimm1", "memdev", "mem1"));

      assertThat(memory.size()).isEqualTo(new MemorySize(16 << 20, OptionalLong.of(128 << 20)));
      assertThat(memory.devices())
          .singleElement()
          .isInstanceOfSatisfying(MemoryDevice.Dimm.class, dimm -> {
            assertThat(dimm.id()).contains("dimm1");
            assertThat(dimm.sizeBytes()).isEqualTo(128 << 20);
            assertThat(dimm.hotplugged()).isTrue();
          });
      assertThat(memory.backends())
          .filteredOn(each -> each.id().equals(Optional.of("mem1")))
          .singleElement()
          .satisfies(each -> assertThat(each.policy().is(MemoryPolicy.DEFAULT)).isTrue());
      assertThat(memory.ospmStatus()).isNotEmpty();
      assertThat(memory.balloonBytes()).isEqualTo(144 << 20);
      memory.balloon(8 << 20);
      memory.pollBalloonStats("/machine/peripheral/balloon0", Duration.ofSeconds(2));
      memory.pollBalloonStats("/machine/peripheral/balloon0", Duration.ZERO);
      assertThat(memory.balloonStats("/machine/peripheral/balloon0").freeBytes())
          .isEmpty();
      assertThatThrownBy(() -> memory.balloon(0))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
      assertThat(memory.dumpFormats()).anyMatch(each -> each.is(DumpFormat.ELF));
      memory.dump(DumpRequest.toFile(dump));
      MigrationEvent.DumpCompleted end = qemu.await1(MigrationEvent.DumpCompleted.class);
      assertThat(end.result().status().is(DumpState.COMPLETED)).isTrue();
      assertThat(memory.dumpStatus().completedBytes()).isEqualTo(end.result().totalBytes());
      assertThat(Files.size(dump)).isGreaterThan(100 << 20);
      memory.measureDirtyRate(Duration.ofSeconds(1));
      await()
          .atMost(Qemu.LIMIT)
          .until(() -> memory.dirtyRate().status().is(DirtyRateStatus.MEASURED));
      assertThat(memory.dirtyRate().mebibytesPerSecond()).isPresent();
    }
  }

  @Test
  void devicesComeAndGo() throws Exception {
    try (Qemu qemu = nano()) {
      DeviceCommands devices = qemu.qapi().device();
      devices.netdevAdd(Map.of("type", "hubport", "hubid", 0, "id", "net0"));
      devices.deviceAdd(Map.of(
          "driver", "virtio-net-pci", "netdev", "net0", "id", "nic0", "mac", "52:54:00:12:34:56"));
      assertThat(devices.pci())
          .flatExtracting(PciBus::devices)
          .filteredOn(each -> each.id().equals("nic0"))
          .singleElement()
          .satisfies(each -> assertThat(each.vendor()).isEqualTo(0x1af4));
      assertThat(devices.rxFilters()).extracting(RxFilter::name).containsExactly("nic0");
      assertThat(devices.rxFilter("nic0").mainMac()).isEqualTo("52:54:00:12:34:56");
      devices.linkDown("nic0");
      devices.linkUp("nic0");
      assertThat(devices.qomGet("/machine/peripheral/nic0", "type").text(""))
          .isEqualTo("virtio-net-pci");
      devices.qomSet("/machine", "graphics", false);
      assertThat(devices.qomGet("/machine", "graphics").flag("")).isFalse();
      assertThat(devices.qomList("/machine/peripheral"))
          .extracting(QomProperty::name)
          .contains("nic0");
      assertThat(devices.qomTypes("pci-device"))
          .extracting(QomType::name)
          .contains("virtio-net-pci");
      assertThat(devices.deviceProperties("virtio-net-pci"))
          .extracting(QomProperty::name)
          .contains("mac");
      assertThat(devices.objectProperties("iothread"))
          .extracting(QomProperty::name)
          .contains("poll-max-ns");

      devices.deviceDel("nic0");
      qemu.qapi().machine().systemReset(); // the nano guest knows no hot-unplug; a reset does it
      qemu.qapi().machine().cont();

      await()
          .atMost(Qemu.LIMIT)
          .until(() -> qemu.heard(DeviceEvent.DeviceDeleted.class).stream()
              .anyMatch(each -> each.device().equals(Optional.of("nic0"))));
      devices.netdevDel("net0");
      assertThatThrownBy(() -> devices.deviceDel("nic0"))
          .isInstanceOfSatisfying(
              QmpException.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND));
    }
  }

  @Test
  void characterDevicesCarryBytes() throws Exception {
    try (Qemu qemu = nano("-chardev", "null,id=serial0", "-device", "isa-serial,chardev=serial0")) {
      ChardevCommands chardevs = qemu.qapi().chardev();
      assertThat(chardevs.add("ring0", Map.of("type", "ringbuf", "data", Map.of("size", 1024))))
          .isEmpty();
      byte[] bytes = "gr\u00fc\u00df\u0000e".getBytes(StandardCharsets.UTF_8);
      chardevs.writeRing("ring0", bytes);
      assertThat(chardevs.readRing("ring0", 100)).isEqualTo(bytes);
      assertThat(chardevs.readRing("ring0", 100)).isEmpty();
      assertThat(chardevs.list()).extracting(Chardev::label).contains("ring0", "serial0");
      assertThat(chardevs.add("pty0", Map.of("type", "pty", "data", Map.of())))
          .hasValueSatisfying(path -> assertThat(path).exists());
      chardevs.change("serial0", Map.of("type", "null", "data", Map.of()));
      chardevs.sendBreak("serial0");
      chardevs.remove("ring0");
      assertThatThrownBy(() -> chardevs.remove("ring0")).isInstanceOf(QmpException.class);
      assertThat(qemu.qapi().descriptor().sets()).isEmpty();
      assertThatThrownBy(() -> qemu.qapi().descriptor().close("tap0"))
          .isInstanceOf(QmpException.class);
      assertThatThrownBy(() -> qemu.qapi().descriptor().removeSet(1))
          .isInstanceOf(QmpException.class);
    }
  }
}
