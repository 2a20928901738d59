package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.host.AcceleratorProbe;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Requires({Requirement.ROOT, Requirement.QEMU})
class QemuMachineIT {
  // Within this a machine whose QEMU does not answer is reported.
  private static final Duration STATED_LIMIT = Duration.ofSeconds(3);

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws IOException {
    host = new Host(directory);
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  static Stream<Arguments> boards() {
    return Host.accelerators()
        .flatMap(accelerator ->
            Stream.of(Chipset.PC, Chipset.Q35).map(chipset -> Arguments.of(chipset, accelerator)));
  }

  @ParameterizedTest
  @MethodSource("boards")
  void everyPowerActionTakesEffect(Chipset chipset, Accelerator accelerator) {
    driver.apply(context(), id, host.nano(chipset, accelerator).build());
    assertThat(present(driver, id).accelerator()).isEqualTo(accelerator);
    awaitGuest();
    long first = pid(driver, id);

    act(PowerAction.PAUSE, MachineState.PAUSED);
    act(PowerAction.PAUSE, MachineState.PAUSED);
    refused(PowerAction.SHUTDOWN);
    act(PowerAction.RESUME, MachineState.RUNNING);
    act(PowerAction.HARD_REBOOT, MachineState.RUNNING);
    act(PowerAction.BOOT, MachineState.RUNNING);
    assertThat(pid(driver, id)).isEqualTo(first);
    act(PowerAction.REBOOT, MachineState.RUNNING);
    assertThat(pid(driver, id)).isNotEqualTo(first);
    awaitGuest();
    act(PowerAction.SHUTDOWN, MachineState.SHUTDOWN);
    act(PowerAction.SHUTDOWN, MachineState.SHUTDOWN);
    refused(PowerAction.RESUME);
    refused(PowerAction.HARD_REBOOT);
    assertThat(host.processes()).isEmpty();
    act(PowerAction.BOOT, MachineState.RUNNING);
    act(PowerAction.HARD_SHUTDOWN, MachineState.SHUTDOWN);
    driver.apply(context(), id, host.nano(chipset, accelerator).build());
    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
  }

  @Test
  void aWriteThatWasCutOffIsTidiedAlsoOfAMachineThatIsOff() throws Exception {
    MachineSpec spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    act(PowerAction.HARD_SHUTDOWN, MachineState.SHUTDOWN);
    Path cutOff = host.root.resolve(id.uid().toString()).resolve(".tmp-8305351978262890425");
    Files.writeString(cutOff, "{");
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);

    driver.apply(context(), id, spec);

    assertThat(cutOff).doesNotExist();
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
  }

  @Test
  void guestPowerOffIsSeenAsShutdownAndSurvivesTheProcess() throws Exception {
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    awaitGuest();

    try (ByteChannel console = driver.openSerial(id)) {
      console.write(ByteBuffer.wrap("q".getBytes(StandardCharsets.US_ASCII)));
      await().until(() -> state(driver, id) == MachineState.SHUTDOWN);
    }
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    Host.signal("KILL", pid(driver, id)); // as a restart of the host would

    await().until(() -> present(driver, id).pid().isEmpty());
    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
    driver.apply(
        context(), id, host.nano(Chipset.PC).powerPolicy(PowerPolicy.ALWAYS_ON).build());
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aStoppedProcessIsUnknownAndNothingTouchesIt() throws Exception {
    // It is seen, not waited for: well before a monitor that is silent would be given up.
    Duration patience = Duration.ofSeconds(30);
    driver = patient(patience);
    MachineSpec spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    long pid = pid(driver, id);
    Host.signal("STOP", pid);

    long begin = System.nanoTime();
    Observed<?> seen = driver.observe(id);
    Duration took = Duration.ofNanos(System.nanoTime() - begin);

    assertThat(seen).isInstanceOf(Observed.Unknown.class);
    assertThat(took).isLessThan(patience);
    assertThat(KvmConfig.of(host.root).monitorTimeout()).isLessThanOrEqualTo(STATED_LIMIT);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(context(), id, spec));
    Host.signal("CONT", pid);
    await().until(() -> driver.observe(id) instanceof Observed.Present<?>);
    assertThat(pid(driver, id)).isEqualTo(pid);
  }

  private QemuMachineDriver patient(Duration patience) {
    KvmConfig usual = KvmConfig.of(host.root);
    return new QemuMachineDriver(new KvmConfig(
        usual.directory(),
        usual.qemu(),
        Accelerator.TCG,
        patience,
        usual.commandTimeout(),
        usual.launchTimeout(),
        usual.endTimeout(),
        usual.patience(),
        usual.launch()));
  }

  @Test
  void aStoppedProcessIsKilledByDelete() throws Exception {
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    Host.signal("STOP", pid(driver, id));

    driver.delete(context(), id);

    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    assertThat(host.processes()).isEmpty();
  }

  @Test
  void monitorsHeldByAStrangerAreBusyAndTheMachineUnknown() {
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    Path run = run();
    try (QmpClient one = QmpClient.connect(run.resolve("qmp"), Duration.ofSeconds(3));
        QmpClient two = QmpClient.connect(run.resolve("rescue"), Duration.ofSeconds(3))) {
      assertThat(driver.observe(id))
          .isInstanceOfSatisfying(
              Observed.Unknown.class, unknown -> assertThat(unknown.why()).contains("busy"));
      assertThat(one.execute("query-status", Duration.ofSeconds(3)).flag("/running"))
          .isTrue();
      assertThat(two.execute("query-status", Duration.ofSeconds(3)).flag("/running"))
          .isTrue();
    }
    await().until(() -> state(driver, id) == MachineState.RUNNING);
  }

  @Test
  void aKilledProcessIsCrashedAndApplyStartsItAgain() throws Exception {
    MachineSpec spec = host.nano(Chipset.Q35).build();
    driver.apply(context(), id, spec);
    long first = pid(driver, id);
    Host.signal("KILL", first);
    await().until(() -> present(driver, id).pid().isEmpty());

    assertThat(state(driver, id)).isEqualTo(MachineState.CRASHED);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);
    driver.apply(context(), id, spec);

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(pid(driver, id)).isNotEqualTo(first);
    assertThat(host.processes()).hasSize(1);
  }

  @Test
  void aCrashedMachineOfPolicyManualStaysOff() throws Exception {
    MachineSpec spec = host.nano(Chipset.PC).powerPolicy(PowerPolicy.MANUAL).build();
    driver.apply(context(), id, spec);
    Host.signal("KILL", pid(driver, id));
    await().until(() -> present(driver, id).pid().isEmpty());

    driver.apply(context(), id, spec);

    assertThat(state(driver, id)).isEqualTo(MachineState.CRASHED);
    act(PowerAction.BOOT, MachineState.RUNNING);
  }

  @Test
  void anotherInstanceFindsTheMachineRunningAndChangesOnlyThePolicy() {
    MachineSpec spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    long pid = pid(driver, id);

    try (QemuMachineDriver other = host.open()) {
      other.apply(
          context(), id, host.nano(Chipset.PC).powerPolicy(PowerPolicy.MANUAL).build());
      assertThat(pid(other, id)).isEqualTo(pid);
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> other.apply(context(), id, host.nano(Chipset.Q35).build()))
          .withMessageContaining("chipset")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
      assertThat(pid(other, id)).isEqualTo(pid);
    }
  }

  @Test
  void aQemuThatComesLateToItsLockIsFenced() throws Exception {
    Path go = directory.resolve("go");
    String slow =
        script("n=0; until [ -e '" + go + "' ] || [ $n = 600 ]; do n=$((n+1)); sleep 0.1; done;"
            + " exec qemu-system-x86_64 \"$@\"");
    KvmConfig hasty = KvmConfig.of(host.root)
        .withQemu(slow)
        .withAccelerator(Accelerator.TCG)
        .withLaunchTimeout(Duration.ofMillis(200));
    MachineSpec spec = host.nano(Chipset.PC).build();
    try (QemuMachineDriver crashing = new QemuMachineDriver(hasty)) {
      // Given up on while its QEMU is forked but has no lock, just as a killed agent would.
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> crashing.apply(context(), id, spec));
    }
    await().atMost(Duration.ofMinutes(1)).until(() -> host.processes().size() == 1);
    List<Long> late = host.processes();

    driver.apply(context(), id, spec);
    long pid = pid(driver, id);
    Files.createFile(go);
    await().atMost(Duration.ofMinutes(1)).until(() -> host.processes().equals(List.of(pid)));

    assertThat(late).doesNotContain(pid);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aCrashWhileStartingAgainEndsInOneProcess() throws Exception {
    MachineSpec spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      Host.signal("KILL", pid(driver, id));
      await().until(() -> present(driver, id).pid().isEmpty());
      try {
        driver.apply(context().crashAt(point), id, spec);
        crashed = false;
      } catch (SimulatedCrash e) {
        driver.apply(context(), id, spec);
      }
      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
      assertThat(host.processes()).hasSize(1);
    }
  }

  @Test
  void aDamagedStampIsUnknownAndRefusedByAll() throws Exception {
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    Path record = host.root.resolve(id.uid().toString()).resolve("machine.json");
    String good = Files.readString(record);
    Files.writeString(record, good.substring(0, good.length() / 2));

    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> driver.list());
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.delete(context(), id))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
    assertThat(host.processes()).hasSize(1);
    Files.writeString(record, good);
  }

  @Test
  void whatTheMachineMayDoIsTakenFromIt() throws Exception {
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    long pid = pid(driver, id);

    String status = Files.readString(Path.of("/proc/" + pid + "/status"));
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));

    assertThat(status).contains("Seccomp:\t2").contains("NoNewPrivs:\t1");
    assertThat(stat.substring(stat.lastIndexOf(')')).split(" ", 6)[4])
        .as("session")
        .isEqualTo(String.valueOf(pid));
  }

  @Test
  void aGuestThatCountsInTimeShowsThatKvmWorks() throws Exception {
    // TCG stands in for a KVM that works, whether or not this host has one.
    String standIn = script("for a in \"$@\"; do shift; [ \"$a\" = kvm ] && a=tcg; "
        + "[ \"$a\" = host ] && a=max; set -- \"$@\" \"$a\"; done; exec qemu-system-x86_64 \"$@\"");
    String found = AcceleratorProbe.deviceUsable() ? "kvm" : "tcg";
    assertThat(accelerator(standIn)).isEqualTo(found);
  }

  @Test
  void aGuestThatBootsButCannotCountInTimeShowsThatKvmDoesNotWork() throws Exception {
    String slow = script("case $* in *accel*) printf 'N0: READY nano'; while :; do :; done;; "
        + "*) exec qemu-system-x86_64 \"$@\";; esac");
    assertThat(accelerator(slow)).isEqualTo("tcg");
  }

  private String accelerator(String qemu) {
    try (QemuMachineDriver automatic =
        new QemuMachineDriver(KvmConfig.of(host.root).withQemu(qemu))) {
      assertThat(automatic.probe().attributes()).containsKey("qemu.version");
      return String.valueOf(automatic.probe().attributes().get("accelerator"));
    }
  }

  private String script(String body) throws IOException {
    Path file = directory.resolve("script");
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    return file.toString();
  }

  private void act(PowerAction action, MachineState expected) {
    driver.power(context(), id, action);
    assertThat(state(driver, id)).as("after %s", action).isEqualTo(expected);
  }

  private void refused(PowerAction action) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.power(context(), id, action))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
  }

  private void awaitGuest() {
    await().until(() -> said(present(driver, id), "N0: READY"));
  }

  private Path run() {
    return present(driver, id).serialLog().resolveSibling("");
  }

  @Test
  void anInterruptedLookIsUnknownAndKeepsTheInterrupt() {
    driver.apply(context(), id, host.nano(Chipset.PC).build());

    Thread.currentThread().interrupt();
    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);

    assertThat(Thread.interrupted()).isTrue();
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aLaunchTakesNoLongerThanTheOperationMay() throws Exception {
    Path pid = directory.resolve("pid");
    String hung = script("echo $$ > '" + pid + "'\nexec sleep 60");
    StandaloneContext cx = new StandaloneContext(Duration.ofSeconds(2));
    Duration patience = Duration.ofMinutes(10);
    KvmConfig config = KvmConfig.of(host.root)
        .withQemu(hung)
        .withAccelerator(Accelerator.TCG)
        .withLaunchTimeout(patience);
    try (QemuMachineDriver slow = new QemuMachineDriver(config)) {
      long begin = System.nanoTime();
      assertThatExceptionOfType(OperationTimeoutException.class)
          .isThrownBy(() -> slow.apply(cx, id, host.nano(Chipset.PC).build()));
      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(patience);
    } finally {
      // On a busy host it may come to its first line only now.
      String number = await()
          .atMost(Duration.ofMinutes(1))
          .until(() -> Files.exists(pid) ? Files.readString(pid) : "", text -> text.endsWith("\n"));
      ProcessHandle.of(Long.parseLong(number.strip())).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void aProcessThatHasItsLockButNoMonitorsYetIsWaitedFor() throws Exception {
    driver = patient(Duration.ofMinutes(1));
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    Path run = run();
    Path later = Files.createDirectory(directory.resolve("later"));
    for (String socket : List.of("qmp", "rescue", "link1", "link2")) {
      Files.move(run.resolve(socket), later.resolve(socket));
    }

    CompletableFuture<Observed<?>> look = CompletableFuture.supplyAsync(() -> driver.observe(id));
    assertThatExceptionOfType(TimeoutException.class)
        .isThrownBy(() -> look.get(300, TimeUnit.MILLISECONDS));
    for (String socket : List.of("qmp", "rescue", "link1", "link2")) {
      Files.move(later.resolve(socket), run.resolve(socket));
    }

    assertThat(look.get(1, TimeUnit.MINUTES)).isInstanceOf(Observed.Present.class);
  }

  @Test
  void aMachineThatRunsOnAfterAnAbandonedShutdownIsNotTakenForOffWhenItCrashes() throws Exception {
    MachineSpec spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    long pid = pid(driver, id);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.power(context().cancelBefore(1), id, PowerAction.HARD_SHUTDOWN))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);

    driver.apply(context(), id, spec);

    assertThat(pid(driver, id)).isEqualTo(pid);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    Host.signal("KILL", pid);
    await().until(() -> present(driver, id).pid().isEmpty());
    assertThat(state(driver, id)).isEqualTo(MachineState.CRASHED);
  }

  @Test
  void aProcessWhosePidFileIsGoneIsStillTheMachineAndEndsWithIt() throws Exception {
    MachineSpec spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    long pid = pid(driver, id);
    Files.delete(run().resolve("pid"));
    Thread.currentThread().interrupt();
    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
    assertThat(Thread.interrupted()).isTrue();

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    driver.apply(context(), id, spec);
    assertThat(pid(driver, id)).isEqualTo(pid);
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);

    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
    assertThat(host.processes()).isEmpty();
  }
}
