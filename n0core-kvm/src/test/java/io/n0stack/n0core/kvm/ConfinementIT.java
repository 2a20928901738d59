package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.LaunchConfig.RunAs;
import io.n0stack.n0core.tck.SimulatedCrash;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfinementIT {
  private static final long FIRST = 700_001;
  /** In a guest of user-mode-linux, where these run too, all takes its time. */
  private static final Duration LONG = Duration.ofMinutes(1);

  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final Path parent = Path.of("/n0core-test-" + UUID.randomUUID());
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    // JUnit's directory is for its owner alone.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    driver = open(LaunchConfig.standard());
  }

  private QemuMachineDriver open(LaunchConfig launch) {
    return new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(launch.withCgroupParent(parent)));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    for (ResourceId machine : driver.list()) {
      driver.delete(context(), machine);
    }
    List<String> left = host.residue();
    host.cleanUp();
    List<Path> groups = groups(parent.getFileName());
    for (Path group : groups) {
      Files.delete(group);
    }
    assertThat(left).isEmpty();
  }

  @Test
  void aMachineWithAUserOfItsOwnHasNothingElse() throws Exception {
    driver = open(LaunchConfig.standard().withRunAs(RunAs.range(FIRST, FIRST + 1)));

    driver.apply(context(), id, host.nano(Chipset.PC).build());

    String status = proc("status");
    assertThat(status)
        .contains(ids("Uid", FIRST))
        .contains(ids("Gid", FIRST))
        .containsPattern("Groups:\\s*\n");
    assertPowerless(status);
    await().atMost(LONG).until(() -> Host.said(present(driver, id), "N0: READY"));
  }

  @Test
  void aMachineOfTheAgentsUserHasNoneOfItsCapabilities() throws Exception {
    driver.apply(context(), id, host.nano(Chipset.PC).build());

    String status = proc("status");
    assertThat(status).contains(ids("Uid", 0));
    assertPowerless(status);
  }

  private static String ids(String key, long number) {
    return key + ":\t" + number + "\t" + number + "\t" + number + "\t" + number;
  }

  private void assertPowerless(String status) throws Exception {
    for (String set : List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) {
      assertThat(status).contains(set + ":\t0000000000000000");
    }
    assertThat(status).contains("NoNewPrivs:\t1").contains("Seccomp:\t2");
    long files = Math.min(65_536, mostFiles(Files.readString(Path.of("/proc/self/limits"))));
    assertThat(proc("limits"))
        .containsPattern("Max core file size +0 +0 ")
        .containsPattern("Max open files +" + files + " +" + files + " ");
    String stat = proc("stat");
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    assertThat(fields[3]).as("session").isEqualTo(String.valueOf(pid(driver, id)));
    assertThat(fields[4]).as("controlling terminal").isEqualTo("0");
    Path own = Path.of("/proc", String.valueOf(pid(driver, id)), "fd");
    assertThat(own.resolve("0").toRealPath()).isEqualTo(Path.of("/dev/null"));
    Path log = present(driver, id).serialLog().resolveSibling("qemu.log");
    assertThat(own.resolve("1").toRealPath()).isEqualTo(log.toRealPath());
    assertThat(own.resolve("2").toRealPath()).isEqualTo(log.toRealPath());
  }

  /** The limit that whoever has it cannot raise. */
  private static long mostFiles(String limits) {
    String line = limits
        .lines()
        .filter(each -> each.startsWith("Max open files"))
        .findFirst()
        .orElseThrow();
    return Long.parseLong(line.split(" +", -1)[4]);
  }

  private String proc(String file) throws IOException {
    return Files.readString(Path.of("/proc", String.valueOf(pid(driver, id)), file));
  }

  @Test
  void machinesGetTheLowestUsersThatAreFree() throws Exception {
    driver = open(LaunchConfig.standard().withRunAs(RunAs.range(FIRST, FIRST + 1)));
    MachineSpec spec = host.nano(Chipset.PC).build();
    ResourceId two = ResourceId.fresh("machine", "web2");
    ResourceId three = ResourceId.fresh("machine", "web3");

    driver.apply(context(), id, spec);
    driver.apply(context(), two, spec);

    assertThat(user(id)).isEqualTo(FIRST);
    assertThat(user(two)).isEqualTo(FIRST + 1);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(context(), three, spec))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED))
        .withMessageContaining("kvm.uid-range");
    driver.delete(context(), id);
    driver.apply(context(), three, spec);
    assertThat(user(three)).isEqualTo(FIRST);
  }

  private long user(ResourceId machine) throws IOException {
    Path process = Path.of("/proc", String.valueOf(pid(driver, machine)));
    return ((Number) Files.getAttribute(process, "unix:uid")).longValue();
  }

  @Test
  void aUserReachesFilesThatOnlyTheAgentCanRead() throws Exception {
    Path pool = Files.createDirectory(
        directory.resolve("pool"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path base = pool.resolve("base.qcow2");
    Path disk = pool.resolve("root.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "8M");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base + "", disk + "");
    for (Path file : List.of(base, disk, host.rom)) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
    driver = open(LaunchConfig.standard().withRunAs(RunAs.user(FIRST, FIRST)));

    driver.apply(
        context()
            .with(
                "volume",
                "root",
                new VolumeStatus(disk, ImageFormat.QCOW2, 8 << 20, 0, Optional.of(base))),
        id,
        host.nano(Chipset.Q35).bootDisk("root").build());

    assertThat(proc("status")).contains(ids("Uid", FIRST));
    await().atMost(LONG).until(() -> Host.said(present(driver, id), "N0: READY"));
    assertThat(Files.getAttribute(base, "unix:uid")).isEqualTo(0);
    Path overlay = pool.resolve("overlay.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", overlay.toString(), "8M");
    try (BlockSession session =
        driver.capability(BlockMonitor.class).orElseThrow().connect(id, Duration.ofSeconds(5))) {
      assertThat(session.execute(
              "blockdev-add",
              Map.of(
                  "driver", "qcow2",
                  "node-name", "overlay",
                  "file", Map.of("driver", "file", "filename", overlay.toString())),
              Duration.ofSeconds(5)))
          .isNotNull();
    }
    assertThat(Host.mayRead(FIRST, base)).isTrue();
    driver.delete(context(), id);
    assertThat(List.of(base, disk, overlay)).noneMatch(file -> Host.mayRead(FIRST, file));
  }

  @Test
  void aDirectoryThatTheUserCannotPassThroughIsAPrecondition() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    driver = open(LaunchConfig.standard().withRunAs(RunAs.user(FIRST, FIRST)));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(context(), id, host.nano(Chipset.PC).build()))
        .withMessageContaining(directory.toString())
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
  }

  @Test
  void limitsAreSetBeforeTheProcessBeginsAndRemovedAfterItsEnd() throws Exception {
    driver.apply(context(), id, limited());

    List<Path> groups = groups(parent.resolve(id.uid().toString()).getFileName());
    assertThat(groups).isNotEmpty();
    assertThat(proc("cgroup")).contains(parent + "/" + id.uid());
    assertThat(values(groups)).contains("150000", "268435456", "64");
    Host.signal("KILL", pid(driver, id));
    await().atMost(LONG).until(() -> present(driver, id).pid().isEmpty());
    await().atMost(LONG).untilAsserted(() -> {
      assertThat(driver.observe(id)).isNotNull();
      assertThat(groups).noneMatch(Files::exists);
    });

    driver.apply(context(), id, limited());
    assertThat(groups).allMatch(Files::exists);
    driver.delete(context(), id);
    assertThat(groups).noneMatch(Files::exists);
  }

  @Test
  void aGroupWhoseLastProcessIsJustEndingIsRemovedToo() throws Exception {
    driver.apply(context(), id, limited());
    List<Path> groups = groups(parent.resolve(id.uid().toString()).getFileName());
    // A killed QEMU stays in its groups for as short a time as nobody can hit on purpose.
    Process last = new ProcessBuilder("sh", "-c", "read -r word; exec sleep 1").start();
    for (Path group : groups) {
      Files.writeString(group.resolve("cgroup.procs"), String.valueOf(last.pid()));
    }
    last.getOutputStream().write('\n'); // not before, for it might have ended by then
    last.getOutputStream().close();

    driver.delete(context(), id);

    assertThat(groups).isNotEmpty().noneMatch(Files::exists);
    assertThat(last.waitFor()).isZero();
  }

  private MachineSpec limited() {
    return host.nano(Chipset.PC)
        .limits(new Limits(
            Optional.of(1500), Optional.of(256L << 20), Optional.of(64), Optional.empty()))
        .build();
  }

  @Test
  void theWeightOfDiskAccessIsSetWhereTheKernelHasItAndRefusedElsewhere() throws Exception {
    MachineSpec weighted = host.nano(Chipset.PC)
        .limits(new Limits(Optional.of(1500), Optional.empty(), Optional.empty(), Optional.of(200)))
        .build();

    if (kernelHasAWeight()) {
      driver.apply(context(), id, weighted);

      List<Path> groups = groups(parent.resolve(id.uid().toString()).getFileName());
      assertThat(values(groups)).contains("150000", "200");
    } else {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.apply(context(), id, weighted))
          .withMessageContaining("controller io (blkio)")
          .withMessageContaining("io.weight")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
      assertThat(groups(parent.getFileName())).isEmpty();
    }
  }

  private boolean kernelHasAWeight() throws IOException {
    Path unified = CGROUPS.resolve("cgroup.subtree_control");
    Path trial;
    if (Files.exists(unified)) {
      Files.writeString(unified, "+io");
      trial = CGROUPS.resolve(parent.getFileName() + "-trial");
    } else {
      trial = CGROUPS.resolve("blkio").resolve(parent.getFileName() + "-trial");
    }
    Files.createDirectory(trial);
    try {
      return Files.exists(trial.resolve("io.weight"))
          || Files.exists(trial.resolve("blkio.bfq.weight"));
    } finally {
      Files.delete(trial);
    }
  }

  private static List<String> values(List<Path> groups) throws IOException {
    List<String> values = new ArrayList<>();
    for (Path group : groups) {
      for (String file : List.of(
          "cpu.cfs_quota_us",
          "memory.limit_in_bytes",
          "pids.max",
          "blkio.bfq.weight",
          "cpu.max",
          "memory.max",
          "io.weight")) {
        if (Files.exists(group.resolve(file))) {
          values.addAll(List.of(Files.readString(group.resolve(file)).strip().split(" ", -1)));
        }
      }
    }
    return values;
  }

  /** Finds groups of a name in all hierarchies, which are mounted one or two levels deep. */
  private static List<Path> groups(Path name) {
    List<Path> found = new ArrayList<>();
    // Somebody else's group may vanish while they are listed.
    await().atMost(Duration.ofMinutes(1)).ignoreExceptions().until(() -> {
      try (var all = Files.find(
          CGROUPS, 4, (path, attributes) -> attributes.isDirectory() && path.endsWith(name))) {
        List<Path> seen = all.toList();
        found.clear();
        found.addAll(seen);
      }
      return true;
    });
    return found;
  }

  @Test
  void whereverTheAgentDiesNoGroupIsLeftAfterDelete() throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      try {
        driver.apply(context().crashAt(point), id, limited());
        crashed = false;
      } catch (SimulatedCrash e) {
        assertThat(point).isLessThan(50);
      }
      driver.delete(context(), id);
      assertThat(groups(Path.of(id.uid().toString()))).isEmpty();
    }
  }

  @Test
  void logsAreCutWhileTheGuestWritesThem() throws Exception {
    driver = open(LaunchConfig.standard().withLogBytes(1024, 1024));
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    await().atMost(LONG).until(() -> Host.said(present(driver, id), "N0: READY nano\r\n"));
    Path serial = present(driver, id).serialLog();
    Path log = serial.resolveSibling("qemu.log");
    // As if it had said much while no agent looked.
    for (Path file : List.of(serial, log)) {
      try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
        out.position(5000);
        out.write(java.nio.ByteBuffer.wrap("end\n".getBytes(StandardCharsets.US_ASCII)));
      }
    }

    assertThat(present(driver, id).pid()).isPresent();

    assertThat(Files.size(serial)).isZero();
    assertThat(Files.size(log)).isZero();
    assertThat(serial.resolveSibling("serial.log.1")).hasSize(1024);
    assertThat(Files.readString(log.resolveSibling("qemu.log.1"))).endsWith("end\n");
    try (var console = driver.openSerial(id)) {
      console.write(java.nio.ByteBuffer.wrap("b".getBytes(StandardCharsets.US_ASCII)));
      await().atMost(LONG).until(() -> Host.said(present(driver, id), "N0: SPEED"));
    }
    // QEMU had written already: where it goes on is the end of the file now, not where it was
    // before.
    assertThat(Files.readString(serial, StandardCharsets.ISO_8859_1))
        .as("no hole before what was written")
        .contains("N0: SPEED")
        .doesNotContain("\0");
  }
}
