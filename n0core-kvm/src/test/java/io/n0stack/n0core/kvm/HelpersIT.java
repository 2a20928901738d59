package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.CloudInit;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.SeedImages;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class HelpersIT {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final long UID = 700_011;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws IOException {
    host = new Host(directory);
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    await().until(() -> helpers().isEmpty());
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  /** Processes that bear the machine's stamp. */
  private List<Long> helpers() throws IOException {
    List<Long> found = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : all) {
        try {
          if (Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1)
              .contains("N0CORE_MACHINE=" + id.uid())) {
            found.add(Long.parseLong(String.valueOf(process.getFileName())));
          }
        } catch (IOException e) {
          LoggerFactory.getLogger(HelpersIT.class).trace("{} has ended", process);
        }
      }
    }
    return found;
  }

  @Test
  void aTpmIsEmulatedByAConfinedProcessThatEndsWithTheMachine() throws Exception {
    driver = new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withRunAs(LaunchConfig.RunAs.user(UID, UID))));

    driver.apply(context(), id, tpm());

    long swtpm = helpers().get(0);
    String status = Files.readString(Path.of("/proc/" + swtpm + "/status"));
    assertThat(status)
        .contains("Name:\tswtpm")
        .contains("Uid:\t" + UID + "\t" + UID)
        .contains("CapEff:\t0000000000000000")
        .contains("CapBnd:\t0000000000000000")
        .contains("NoNewPrivs:\t1");
    String stat = Files.readString(Path.of("/proc/" + swtpm + "/stat"));
    assertThat(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[3])
        .isEqualTo(String.valueOf(swtpm));
    try (QmpClient qmp = monitor()) {
      assertThat(qmp.execute("query-tpm", LIMIT).list("")).hasSize(1);
    }
    Path state = host.root.resolve(id.uid().toString()).resolve("tpm");
    assertThat(state.resolve("tpm2-00.permall")).exists();
    Host.signal("KILL", pid(driver, id));
    await().until(() -> helpers().isEmpty());

    driver.apply(context(), id, tpm());
    assertThat(helpers()).hasSize(1).doesNotContain(swtpm);
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    await().until(() -> helpers().isEmpty());
  }

  private MachineSpec tpm() {
    return host.nano(Chipset.Q35)
        .hardware(Hardware.standard().withTpm(Hardware.Tpm.VERSION_2_0))
        .build();
  }

  @Test
  void aHelperEndsWithTheLaunchThatFailed() throws Exception {
    try (QemuMachineDriver failing = new QemuMachineDriver(
        KvmConfig.of(host.root).withAccelerator(Accelerator.TCG).withQemu("false"))) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> failing.apply(context(), id, tpm()))
          .withMessageContaining("status 1");
    }

    assertThat(helpers()).isEmpty();
  }

  @Test
  void aHelperThatOutlivesItsMachineIsEndedWithTheNextLaunch() throws Exception {
    driver.apply(context(), id, tpm());
    List<Long> stray = helpers();
    Host.signal("STOP", stray.get(0));
    Host.signal("KILL", pid(driver, id));
    await().until(() -> present(driver, id).pid().isEmpty());
    assertThat(helpers()).isEqualTo(stray);

    driver.apply(context(), id, tpm());

    assertThat(helpers()).hasSize(1).doesNotContainAnyElementsOf(stray);
  }

  @Test
  void directoriesAreSharedByDaemonsThatEndWithTheMachine() throws Exception {
    Path data = Files.createDirectory(directory.resolve("da,ta"));
    Path docs = Files.createDirectory(directory.resolve("docs"));
    MachineSpec spec = host.nano(Chipset.Q35)
        .hardware(Hardware.standard()
            .withShares(List.of(
                new Share("data", data, Share.Access.READ_WRITE),
                new Share("docs", docs, Share.Access.READ_ONLY))))
        .build();

    driver.apply(context(), id, spec);

    try (QmpClient qmp = monitor()) {
      assertThat(qmp
              .execute("qom-list", java.util.Map.of("path", "/machine/peripheral"), LIMIT)
              .list("")
              .stream()
              .map(item -> item.text("/name")))
          .contains("fs0", "fs1");
    }
    List<String> roots = new ArrayList<>();
    for (long process : helpers()) {
      roots.addAll(Files.readAllLines(Path.of("/proc/" + process + "/mountinfo")).stream()
          .map(line -> line.split(" ", -1))
          .filter(words ->
              words[4].equals("/") && (words[3].endsWith("/da,ta") || words[3].endsWith("/docs")))
          .map(words ->
              words[3].substring(words[3].lastIndexOf('/') + 1) + " " + words[5].substring(0, 2))
          .toList());
    }
    assertThat(roots).contains("da,ta rw", "docs ro").doesNotContain("docs rw");
    Host.signal("KILL", pid(driver, id));
    await().until(() -> helpers().isEmpty());
  }

  @Test
  void theSeedThatTheDriverOfVolumesMakesIsADiscOfTheGuest() throws Exception {
    byte[] image = new byte[1 << 16];
    List<SeedImages.Seed> asked = new ArrayList<>();
    SeedImages seeds = seed -> {
      asked.add(seed);
      return image;
    };
    MachineSpec spec = host.nano(Chipset.Q35)
        .cloudInit(new CloudInit("web1", "alice", List.of()))
        .build();
    StandaloneContext cx = context().lending("volume", seeds);

    driver.apply(cx, id, spec);

    assertThat(asked)
        .contains(new SeedImages.Seed(id.uid().toString(), "web1", "alice", List.of()));
    try (QmpClient qmp = monitor()) {
      QmpResult disc = qmp.execute("query-block", LIMIT).list("").get(0);
      assertThat(disc.text("/inserted/node-name")).isEqualTo("seed");
      assertThat(disc.flag("/inserted/ro")).isTrue();
      assertThat(disc.text("/qdev")).isEqualTo("seed0");
    }
    Path file = host.root.resolve(id.uid().toString()).resolve("seed.iso");
    assertThat(Files.readAllBytes(file)).isEqualTo(image);
    assertThat(present(driver, id).pid()).isPresent();
  }

  @Test
  void withoutADriverThatMakesSeedsCloudInitIsRefusedBeforeAnySideEffect() {
    MachineSpec spec = host.nano(Chipset.Q35)
        .cloudInit(new CloudInit("web1", "alice", List.of()))
        .build();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(context(), id, spec))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED))
        .withMessageContaining("cloudInit");
    assertThat(host.root).doesNotExist();
  }

  private QmpClient monitor() {
    return QmpClient.connect(present(driver, id).serialLog().resolveSibling("qmp"), LIMIT);
  }
}
