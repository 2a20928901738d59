package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A host with a driver, the machine {@code web1} and others that a test names, of which nothing may be left. */
abstract class HostFixture {
  @TempDir
  Path directory;

  final ResourceId id = ResourceId.fresh("machine", "web1");
  final List<ResourceId> others = new ArrayList<>();
  Host host;
  QemuMachineDriver driver;

  @BeforeEach
  final void openTheDriver() throws Exception {
    host = new Host(directory);
    driver = open();
  }

  QemuMachineDriver open() {
    return host.open();
  }

  /** Names a machine that goes with the others. */
  final ResourceId another(String name) {
    ResourceId other = ResourceId.fresh("machine", name);
    others.add(other);
    return other;
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(Host.context(), id);
    others.forEach(other -> driver.delete(Host.context(), other));
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }
}
