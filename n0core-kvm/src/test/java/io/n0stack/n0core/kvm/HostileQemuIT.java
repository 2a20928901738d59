package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.LaunchConfig.RunAs;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.guest.GuestAgentOptions;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a guest achieves that has got hold of its QEMU and so of all that QEMU's user may do. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class HostileQemuIT {
  private static final long FIRST = 700_031;
  private static final List<String> MADE_BY_QEMU =
      List.of("pid", "qmp", "rescue", "ga", "serial", "link1", "link2");

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final ResourceId other = ResourceId.fresh("machine", "web2");
  private final Foe foe = new Foe(FIRST);
  private Host host;
  private QemuMachineDriver driver;
  private MachineSpec spec;

  @BeforeEach
  void start() throws Exception {
    host = new Host(directory);
    // JUnit's directory is for its owner alone.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    spec = host.nano(Chipset.PC).build();
    driver = open();
    driver.apply(context(), id, spec);
  }

  private QemuMachineDriver open() {
    return open(host);
  }

  private static QemuMachineDriver open(Host where) {
    return new QemuMachineDriver(KvmConfig.of(where.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withRunAs(RunAs.range(FIRST, FIRST + 1))));
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    driver.delete(context(), other);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  private Path run(ResourceId machine) throws IOException {
    Path place = host.root.resolve(machine.uid().toString());
    try (DirectoryStream<Path> runs = Files.newDirectoryStream(place, "run.*")) {
      return runs.iterator().next();
    }
  }

  private void removesAllThatIsItsOwn() throws Exception {
    for (String name : MADE_BY_QEMU) {
      foe.does("rm", "-f", run(id).resolve(name).toString());
    }
  }

  private static long user(long pid) throws IOException {
    return ((Number) Files.getAttribute(Path.of("/proc", "" + pid), "unix:uid")).longValue();
  }

  @Test
  void aProcessThatRemovesItsFilesIsNeitherTakenForDeadNorStartedTwice() throws Exception {
    long pid = pid(driver, id);

    removesAllThatIsItsOwn();

    try (QemuMachineDriver next = open()) {
      assertThat(next.observe(id))
          .isInstanceOfSatisfying(
              Observed.Unknown.class,
              unknown -> assertThat(unknown.why()).contains("process " + pid));
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> next.apply(context(), id, spec));
      assertThat(host.processes()).containsExactly(pid);
      next.power(context(), id, PowerAction.HARD_SHUTDOWN);
      assertThat(state(next, id)).isEqualTo(MachineState.SHUTDOWN);
    }
    assertThat(host.processes()).isEmpty();
  }

  @Test
  void aMachineOfAnotherAgentThatHasTheSameUsersIsNotEnded() throws Exception {
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    Host neighbour = new Host(Files.createDirectory(
        directory.resolve("neighbour"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx--x--x"))));
    try (QemuMachineDriver theirs = open(neighbour)) {
      theirs.apply(context(), other, spec);
      long pid = pid(theirs, other);
      assertThat(user(pid)).isEqualTo(FIRST);

      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.power(context(), id, PowerAction.BOOT))
          .withMessageContaining("processes [" + pid + "] are another machine's")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));

      assertThat(pid(theirs, other)).isEqualTo(pid);
      assertThat(state(theirs, other)).isEqualTo(MachineState.RUNNING);
      theirs.delete(context(), other);
    } finally {
      neighbour.cleanUp();
    }
    driver.power(context(), id, PowerAction.BOOT);
  }

  @Test
  void aPidFileThatNobodyLocksOrThatNamesAnotherIsNotBelieved() throws Exception {
    long pid = pid(driver, id);
    driver.apply(context(), other, spec);
    long innocent = pid(driver, other);
    Path file = run(id).resolve("pid");

    foe.does("sh", "-c", "rm " + file + " && echo " + innocent + " > " + file);

    assertThat(pid(driver, id)).isEqualTo(pid);
    driver.delete(context(), id);
    assertThat(host.processes()).containsExactly(innocent);
    assertThat(state(driver, other)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aUserIsFreeOnlyWhenNothingOfItRuns() throws Exception {
    long pid = pid(driver, id);
    Process stray = foe.start("sleep", "600");
    await().until(() -> user(stray.pid()) == FIRST);
    removesAllThatIsItsOwn();

    driver.delete(context(), id);

    assertThat(driver.list()).isEmpty();
    assertThat(host.processes()).doesNotContain(pid);
    // It is dead; only this process may not have heard of it yet.
    assertThat(stray.waitFor(1, TimeUnit.MINUTES)).isTrue();
    Process late = foe.start("sleep", "600");
    try {
      await().until(() -> user(late.pid()) == FIRST);
      driver.apply(context(), other, spec);
      assertThat(user(pid(driver, other))).isEqualTo(FIRST + 1);
    } finally {
      late.destroyForcibly().waitFor();
    }
  }

  @Test
  void aMachineOfAnAgentThatNotedNoProcessesIsFoundWithoutItsFilesToo() throws Exception {
    long pid = pid(driver, id);
    Files.delete(run(id).resolve("process"));
    removesAllThatIsItsOwn();

    try (QemuMachineDriver next = open()) {
      assertThat(next.observe(id)).isInstanceOf(Observed.Unknown.class);
      next.delete(context(), id);
      assertThat(next.list()).isEmpty();
    }
    assertThat(host.processes()).doesNotContain(pid).isEmpty();
  }

  @Test
  void aMachineWhoseWholeDirectoryIsGoneIsNotStartedBesideItself() throws Exception {
    long pid = pid(driver, id);
    Host.run("rm", "-r", run(id).toString());

    driver.apply(context(), id, spec);

    assertThat(host.processes()).containsExactly(pid(driver, id)).doesNotContain(pid);
    assertThat(present(driver, id).state()).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void whatTheAgentWritesInTheLaunchsDirectoryGoesNowhereElse() throws Exception {
    Path victim = directory.resolve("victim");
    Files.writeString(victim, "root's");
    Files.setPosixFilePermissions(victim, PosixFilePermissions.fromString("rw-------"));
    Path share = Files.createDirectory(directory.resolve("share"));
    // It runs as the machine's user after the directory is open to it and before the rest is
    // started.
    Path swtpm = directory.resolve("swtpm");
    Files.writeString(
        swtpm,
        "#!/bin/sh\nfor name in qemu.log fs0.log fs0.pid accelerator process; do ln -s '" + victim
            + "' $name; done\nexec swtpm \"$@\"\n");
    Files.setPosixFilePermissions(swtpm, PosixFilePermissions.fromString("rwxr-xr-x"));
    MachineSpec helped = host.nano(Chipset.Q35)
        .hardware(Hardware.standard()
            .withTpm(Hardware.Tpm.VERSION_2_0)
            .withShares(List.of(new Share("share", share, Share.Access.READ_WRITE))))
        .build();

    LaunchConfig usual = LaunchConfig.standard();
    LaunchConfig tricky = new LaunchConfig(
        Optional.of(RunAs.range(FIRST, FIRST + 1)),
        usual.cgroupParent(),
        usual.scope(),
        usual.ovmf(),
        swtpm.toString(),
        usual.virtiofsd(),
        usual.networkNamespace(),
        usual.serialLogBytes(),
        usual.qemuLogBytes());
    try (QemuMachineDriver tricked = new QemuMachineDriver(
        KvmConfig.of(host.root).withAccelerator(Accelerator.TCG).withLaunch(tricky))) {
      tricked.apply(context(), other, helped);
    }

    assertThat(victim).hasContent("root's");
    for (String name : List.of("qemu.log", "fs0.log", "fs0.pid", "accelerator", "process")) {
      Path file = run(other).resolve(name);
      assertThat(file).isRegularFile();
      assertThat(Files.isSymbolicLink(file)).isFalse();
      assertThat(new Foe(FIRST + 1).tries("mv", "-f", run(other) + "/pid", file + ""))
          .isNotZero();
    }
    assertThat(state(driver, other)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aConsoleShowsNoFileThatTheLogWasMadeALinkTo() throws Exception {
    Path secret = directory.resolve("secret");
    Files.writeString(secret, "root's password");
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-------"));
    Path log = run(id).resolve("serial.log");

    foe.does("sh", "-c", "rm " + log + " && ln -s " + secret + " " + log);

    try (ByteChannel console = driver.openSerial(id, 100)) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> console.read(ByteBuffer.allocate(100)))
          .withMessageContaining("not a plain file");
    }
  }

  @Test
  void aPipeInPlaceOfAFileHoldsNobodyUp() throws Exception {
    Path run = run(id);

    foe.does("sh", "-c", "cd " + run + " && rm pid && mkfifo pid balloon unplug.disk0 medium.cd0");
    foe.does("sh", "-c", "cd " + run + " && rm serial.log && mkfifo serial.log");

    CompletableFuture<MachineState> look = CompletableFuture.supplyAsync(() -> state(driver, id));
    assertThat(look.get(1, TimeUnit.MINUTES)).isEqualTo(MachineState.RUNNING);
    assertThat(present(driver, id).unplugging()).isEmpty();
    MachineSpec less = host.nano(Chipset.PC).powerPolicy(PowerPolicy.MANUAL).build();
    CompletableFuture<Void> change =
        CompletableFuture.runAsync(() -> driver.apply(context(), id, less));
    assertThat(change).succeedsWithin(Duration.ofMinutes(1));
  }

  @Test
  void notesThatTheAgentDidNotWriteAreNone() throws Exception {
    Path run = run(id);

    foe.does("sh", "-c", "cd " + run + " && echo 0 > unplug.cd-x && echo /etc > medium.cd-x");
    foe.does("sh", "-c", "cd " + run + " && ln -s /etc/passwd balloon && echo 1 > fs0.pid");

    assertThat(present(driver, id).unplugging()).isEmpty();
    driver.apply(context(), id, spec);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
  }

  @Test
  void aMonitorThatIsALinkToAnotherMachinesLeadsNowhere() throws Exception {
    driver.apply(context(), other, spec);
    Path run = run(id);
    for (String name : List.of("qmp", "rescue")) {
      String there = run(other).resolve(name).toString();
      foe.does("sh", "-c", "cd " + run + " && rm " + name + " && ln -s " + there + " " + name);
    }
    for (String name : List.of("link1", "link2")) {
      foe.does("rm", "-f", run.resolve(name).toString());
    }

    // By another agent, for this one is still connected.
    try (QemuMachineDriver next = open()) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> next.power(context(), id, PowerAction.PAUSE));
      assertThat(next.observe(id)).isInstanceOf(Observed.Unknown.class);
      assertThat(state(next, other)).isEqualTo(MachineState.RUNNING);
    }
  }

  @Test
  void aMonitorThatAnotherProcessServesIsNotUsed() throws Exception {
    Path run = run(id);
    driver.apply(context(), other, spec);
    // A second name of the other's socket, as a user has it that both run as.
    for (String name : List.of("qmp", "rescue")) {
      foe.does("rm", "-f", run.resolve(name).toString(), run.resolve("link1").toString());
      foe.does("rm", "-f", run.resolve("link2").toString());
      Files.createLink(run.resolve(name), run(other).resolve(name));
    }

    try (QemuMachineDriver next = open()) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> next.power(context(), id, PowerAction.PAUSE))
          .withMessageContaining("served by process " + pid(next, other));
      assertThat(state(next, other)).isEqualTo(MachineState.RUNNING);
    }
  }

  @Test
  void consolesAndGuestAgentsThatAreLinksLeadNowhere() throws Exception {
    driver.apply(context(), other, spec);
    Path run = run(id);
    for (String name : List.of("serial", "ga")) {
      String there = run(other).resolve(name).toString();
      foe.does("sh", "-c", "cd " + run + " && rm " + name + " && ln -s " + there + " " + name);
    }

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.openSerial(id))
        .withMessageContaining("not a socket");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(
            () -> GuestAgent.connect("web1", run.resolve("ga"), GuestAgentOptions.defaults()))
        .withMessageContaining("not a socket");
  }
}
