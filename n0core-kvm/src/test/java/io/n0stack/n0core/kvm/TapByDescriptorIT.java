package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Gives machines taps that their QEMU could not find. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class TapByDescriptorIT {
  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final ResourceId port = ResourceId.fresh("port", "eth0");
  private final String netns = "n0kvm-" + id.uid().toString().substring(0, 8);
  private Host host;
  private NamespacedTaps taps;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    Host.run("ip", "netns", "add", netns);
    Host.run("ip", "-n", netns, "tuntap", "add", "dev", "tap0", "mode", "tap", "vnet_hdr");
    Host.run("ip", "-n", netns, "addr", "add", "10.77.0.1/24", "dev", "tap0");
    Host.run("ip", "-n", netns, "link", "set", "tap0", "up");
    taps = new NamespacedTaps(netns);
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    driver.delete(Host.context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    Host.run("ip", "netns", "del", netns);
    assertThat(left).isEmpty();
  }

  private StandaloneContext cx() {
    return new StandaloneContext(Duration.ofMinutes(3))
        .with(port, new PortStatus("tap0", 1, "br0", Board.mac(0), 1500, 0))
        .lending("port", taps);
  }

  @Test
  void theGuestIsReachedAlsoAfterTheAgentHasGone() throws Exception {
    Path guest = Board.linux();
    MachineSpec.Builder linux = MachineSpec.builder(1, 256 << 20)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Kernel(
            guest.resolve("kernel"),
            Optional.of(guest.resolve("initrd")),
            "console=ttyS0 quiet panic=-1 n0.ip=10.77.0.2/24"));
    driver.apply(cx(), id, linux.nic("eth0").build());
    await().atMost(Duration.ofMinutes(1)).until(() -> Host.said(present(driver, id), "N0: READY"));
    driver.close();

    // Its monitors have no client any more: QEMU closes then what came by add-fd.
    assertThat(Host.run("ip", "netns", "exec", netns, "ping", "-c", "3", "-w", "30", "10.77.0.2"))
        .contains(" 3 received");

    assertThatExceptionOfType(N0Exception.class)
        .as("the tap is held")
        .isThrownBy(() -> taps.open(port, 1));
    driver.apply(
        cx(),
        id,
        MachineSpec.builder(1, 256 << 20)
            .accelerator(Accelerator.TCG)
            .firmware(linux.build().firmware())
            .build());
    taps.open(port, 1).close();
  }

  @Test
  void whereverTheAgentDiesTheTapIsLentOnce() throws Exception {
    MachineSpec spec = host.nano(MachineSpec.Chipset.PC).nic("eth0").build();
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      try {
        driver.apply(cx().crashAt(point), id, spec);
        crashed = false;
      } catch (SimulatedCrash e) {
        driver.apply(cx(), id, spec);
      }
      assertPlugged();
      driver.delete(Host.context(), id);
    }
  }

  @Test
  void aTapThatWasLentButNotUsedIsTakenBack() throws Exception {
    MachineSpec bare = host.nano(MachineSpec.Chipset.PC).build();
    driver.apply(cx(), id, bare);
    try (QmpClient qmp = qmp();
        TapQueues.Descriptors lent = taps.open(port, 1)) {
      qmp.executeWithDescriptor(
          "getfd", Map.of("fdname", "net-eth0"), lent.numbers().get(0), Board.LIMIT);
    }
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> taps.open(port, 1));

    driver.apply(cx(), id, host.nano(MachineSpec.Chipset.PC).nic("eth0").build());

    assertPlugged();
  }

  private void assertPlugged() {
    try (QmpClient qmp = qmp()) {
      assertThat(Board.parts(qmp)).isEqualTo(Board.expected(Set.of(), Set.of("eth0")));
      assertThat(Board.pci(qmp)).hasSize(1);
    }
  }

  private QmpClient qmp() {
    Path socket = present(driver, id).serialLog().resolveSibling("qmp");
    return QmpClient.connect(socket, Board.LIMIT);
  }
}
