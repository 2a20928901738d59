package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Requires({Requirement.ROOT, Requirement.QEMU})
class PluggedDevicesIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final String netns = "n0kvm-" + id.uid().toString().substring(0, 8);
  private Host host;
  private Path volume;
  private Path base;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    base = directory.resolve("base,=.qcow2");
    volume = directory.resolve("root,\"=.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "8M");
    Path clone = directory.resolve("clone");
    Path plain = Files.createLink(directory.resolve("base"), base);
    Host.run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        plain.toString(),
        clone.toString());
    Files.move(clone, volume);
    Host.run("ip", "netns", "add", netns);
    Host.run("ip", "-n", netns, "tuntap", "add", "dev", "tap0", "mode", "tap");
    driver = new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withNetworkNamespace(Path.of("/run/netns", netns))));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      driver.delete(context(), id);
      List<String> left = host.residue();
      host.cleanUp();
      assertThat(left).isEmpty();
    } finally {
      Host.run("ip", "netns", "del", netns);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"PC", "Q35"})
  void theGuestHasItsDiskAndItsNic(Chipset chipset) throws IOException {
    driver.apply(cx(), id, spec(chipset));

    assertPlugged();
    await().until(() -> Host.said(present(driver, id), "N0: READY"));
  }

  @ParameterizedTest
  @EnumSource(names = {"PC", "Q35"})
  void whereverTheAgentDiesEachIsPluggedOnce(Chipset chipset) {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      try {
        driver.apply(cx().crashAt(point), id, spec(chipset));
        crashed = false;
      } catch (SimulatedCrash e) {
        driver.apply(cx(), id, spec(chipset));
      }
      assertPlugged();
      assertThat(host.processes()).containsExactly(pid(driver, id));
      driver.delete(context(), id);
    }
  }

  private void assertPlugged() {
    Path socket = present(driver, id).serialLog().resolveSibling("qmp");
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      List<QmpResult> blocks = client.execute("query-block", LIMIT).list("");
      assertThat(blocks).hasSize(1);
      assertThat(blocks.get(0).text("/inserted/node-name")).isEqualTo("disk-root");
      assertThat(blocks.get(0).text("/inserted/image/filename")).contains("root,");
      assertThat(blocks.get(0).number("/inserted/image/virtual-size")).isEqualTo(8 << 20);
      assertThat(blocks.get(0).number("/inserted/backing_file_depth")).isEqualTo(1);
      List<QmpResult> nics = client.execute("query-rx-filter", LIMIT).list("");
      assertThat(nics).hasSize(1);
      assertThat(nics.get(0).text("/name")).isEqualTo("nic-eth0");
      assertThat(nics.get(0).text("/main-mac")).isEqualTo(MAC.toString());
      assertThat(client
              .execute(
                  "qom-get",
                  Map.of("path", "/machine/peripheral/disk-root", "property", "bootindex"),
                  LIMIT)
              .number(""))
          .isZero();
    }
  }

  private MachineSpec spec(Chipset chipset) {
    return host.nano(chipset).bootDisk("root").nic("eth0").build();
  }

  private StandaloneContext cx() {
    return context()
        .with(
            "volume",
            "root",
            new VolumeStatus(
                volume, ImageFormat.QCOW2, 8 << 20, 0, Optional.of(directory.resolve("base"))))
        .with("port", "eth0", new PortStatus("tap0", 1, "br0", MAC, 1500, 0));
  }
}
