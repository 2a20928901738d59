package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class QemuMachineConformanceIT {
  @TempDir
  Path directory;

  private Host host;

  @BeforeEach
  void prepare() throws IOException {
    host = new Host(directory);
  }

  @AfterEach
  void nothingRuns() {
    List<Long> left = host.processes();
    host.cleanUp();
    assertThat(left).isEmpty();
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
    public List<String> residue() {
      return host.residue();
    }

    @Override
    public Object identity(MachineStatus status) {
      return status.pid();
    }
  }
}
