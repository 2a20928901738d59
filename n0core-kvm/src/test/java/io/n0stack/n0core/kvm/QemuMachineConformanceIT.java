package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class QemuMachineConformanceIT {
  private static final int DISK_BYTES = 16 << 20;
  private static final int PC_CYCLES = 200;

  @TempDir
  Path directory;

  private Host host;

  @BeforeEach
  void prepare() throws IOException {
    Path disk = Files.createDirectory(directory.resolve("d"));
    run("mount", "-t", "tmpfs", "-o", "size=" + DISK_BYTES, "tmpfs", disk.toString());
    host = new Host(disk);
    run("qemu-img", "create", "-q", "-f", "qcow2", disk.resolve("root.qcow2").toString(), "8M");
  }

  @AfterEach
  void nothingRuns() {
    List<Long> left = host.processes();
    host.cleanUp();
    run("umount", "-l", directory.resolve("d").toString());
    assertThat(left).isEmpty();
  }

  private static void run(String... command) {
    attempt(() -> {
      try {
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
  }

  private interface Io {
    void run() throws IOException;
  }

  private static void attempt(Io io) {
    try {
      io.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @TestFactory
  Stream<DynamicTest> conformsOnPc() {
    return DriverTck.of(new Fixture(host, Chipset.PC));
  }

  @TestFactory
  Stream<DynamicTest> conformsOnQ35() {
    return DriverTck.of(new Fixture(host, Chipset.Q35));
  }

  private record Fixture(Host host, Chipset chipset)
      implements DriverFixture<MachineSpec, MachineStatus> {
    @Override
    public Driver<MachineSpec, MachineStatus> open() {
      return host.open();
    }

    @Override
    public MachineSpec spec() {
      return host.nano(chipset).build();
    }

    @Override
    public MachineSpec capableSpec() {
      return host.nano(chipset)
          .bootDisk("root")
          .display(MachineSpec.Display.VNC)
          .build();
    }

    @Override
    public Map<Reference, Object> dependencies() {
      Path root = host.rom.resolveSibling("root.qcow2");
      return Map.of(
          new Reference("volume", "root"),
          new VolumeStatus(root, ImageFormat.QCOW2, 8 << 20, 0, Optional.empty()));
    }

    @Override
    public Optional<DriverFixture<MachineSpec, MachineStatus>> neighbour() {
      Path there = host.rom.resolveSibling("n");
      return Optional.of(new Fixture(Host.existing(there), chipset));
    }

    @Override
    public Optional<MachineSpec> changed() {
      return Optional.of(host.nano(chipset).powerPolicy(PowerPolicy.ALWAYS_ON).build());
    }

    @Override
    public List<String> residue() {
      return host.residue();
    }

    @Override
    public Object identity(MachineStatus status) {
      return status.pid();
    }

    @Override
    public Optional<FixtureRecipe> recipe() {
      return Optional.of(new FixtureRecipe(
          Factory.class, List.of(String.valueOf(host.root.getParent()), chipset.name())));
    }

    @Override
    public Optional<Undo> plantForeign(ResourceId near) {
      List<Path> all = Stream.of(near.name(), near.name() + ".1234-5678", "not-a-uid")
          .map(host.root::resolve)
          .toList();
      attempt(() -> {
        for (Path directory : all) {
          Files.createDirectories(directory);
          Files.writeString(directory.resolve("disk.img"), "not ours");
        }
      });
      return Optional.of(() -> attempt(() -> {
        for (Path directory : all) {
          Files.delete(directory.resolve("disk.img"));
          Files.delete(directory);
        }
      }));
    }

    @Override
    public Optional<Undo> cutOff(Driver<MachineSpec, MachineStatus> driver) {
      Path away = host.root.resolveSibling("away");
      attempt(() -> {
        Files.move(host.root, away);
        Files.writeString(host.root, "no directory");
      });
      return Optional.of(() -> attempt(() -> {
        Files.delete(host.root);
        Files.move(away, host.root);
      }));
    }

    @Override
    public Optional<Undo> silence(MachineStatus status) {
      String pid = String.valueOf(status.pid().orElseThrow());
      run("sh", "-c", "kill -STOP " + pid);
      return Optional.of(() -> run("sh", "-c", "kill -CONT " + pid));
    }

    @Override
    public Optional<Undo> fillDisk() {
      Path filler = host.root.resolveSibling("filler");
      attempt(() -> {
        try {
          Files.write(filler, new byte[DISK_BYTES]);
          throw new IOException("the disk has more room than it was made with");
        } catch (IOException e) {
          assertThat(e).hasMessageContaining("No space left on device");
        }
      });
      return Optional.of(() -> attempt(() -> Files.delete(filler)));
    }

    /** A thousand take longer than all else; what could leak does not depend on the chipset. */
    @Override
    public int cycles() {
      return chipset == Chipset.Q35 ? DriverFixture.super.cycles() : PC_CYCLES;
    }

    @Override
    public List<MachineSpec> hostile() {
      Path odd = host.rom.resolveSibling("a, b=c $(touch x) 'd' \"e\" %s.rom");
      attempt(() -> {
        if (!Files.exists(odd)) {
          Files.copy(host.rom, odd);
        }
      });
      return List.of(host.nano(chipset).firmware(new Firmware.Rom(odd)).build());
    }
  }

  /** Creates the fixture in another process. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new Fixture(
          Host.existing(Path.of(arguments.get(0))), Chipset.valueOf(arguments.get(1)));
    }
  }
}
