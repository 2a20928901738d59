package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest that takes no notice of what is plugged, and never releases what sits on PCI. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ChangedDevicesIT extends BoardFixture {
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final int CHANGES = 10;
  private static final int MOST_CHANGES = 100;

  ChangedDevicesIT() {
    super(PATIENCE, 2, "a", "b", "c");
  }

  private MachineSpec.Builder nano() {
    return board.host.nano(Chipset.Q35);
  }

  private void apply(MachineSpec.Builder spec) throws Exception {
    driver.apply(board.cx(), id, spec.build());
  }

  private Set<String> parts() {
    try (QmpClient qmp = board.qmp(driver, id)) {
      return Board.parts(qmp);
    }
  }

  private void assertHas(Set<String> disks, Set<String> nics) {
    assertThat(parts()).isEqualTo(Board.expected(disks, nics));
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    assertThat(present(driver, id).unplugging()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = {"PC", "Q35"})
  void disksOfAllModelsArePluggedWhileTheGuestRuns(Chipset chipset) throws Exception {
    driver.apply(board.cx(), id, board.host.nano(chipset).build());
    long pid = pid(driver, id);

    driver.apply(
        board.cx(),
        id,
        board
            .host
            .nano(chipset)
            .disk("a", DiskModel.VIRTIO_SCSI)
            .disk("b", DiskModel.CDROM)
            .disk("c", DiskModel.NVME)
            .nic("eth0")
            .build());

    assertHas(Set.of("a", "b", "c"), Set.of("eth0"));
    try (QmpClient qmp = board.qmp(driver, id)) {
      assertThat(Board.type(qmp, "disk-a")).isEqualTo("scsi-hd");
      assertThat(Board.type(qmp, "disk-b")).isEqualTo("scsi-cd");
      assertThat(Board.type(qmp, "disk-c")).isEqualTo("nvme");
    }
    driver.apply(
        board.cx(),
        id,
        board.host.nano(chipset).disk("c", DiskModel.NVME).nic("eth0").build());
    assertHas(Set.of("c"), Set.of("eth0"));
    assertThat(pid(driver, id)).isEqualTo(pid);
  }

  @Test
  void aDiskThatTheGuestKeepsIsAskedForOnceAndGoesWithAReset() throws Exception {
    apply(nano().disk("a").disk("b"));
    MachineSpec without = nano().disk("b").nic("eth0").build();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(board.cx(), id, without))
        .withMessageContaining("disk:a")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    Path request = run().resolve("unplug.disk-a");
    String asked = Files.readString(request);
    assertThat(parts()).as("all else is done").contains("device nic-eth0", "device disk-a");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(board.cx(), id, without));
    assertThat(Files.readString(request)).as("it was not asked again").isEqualTo(asked);
    assertThat(present(driver, id).unplugging()).containsExactly("disk:a");
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);

    driver.power(Host.context(), id, PowerAction.HARD_REBOOT);
    driver.apply(board.cx(), id, without);

    assertHas(Set.of("b"), Set.of("eth0"));
    assertThat(request).doesNotExist();
  }

  @Test
  void aDiskThatIsWantedAgainBeforeTheGuestHasReleasedItStays() throws Exception {
    apply(nano().disk("a"));
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> apply(nano()));

    apply(nano().disk("a"));

    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    assertThat(present(driver, id).unplugging()).containsExactly("disk:a");
    driver.power(Host.context(), id, PowerAction.HARD_REBOOT); // now it is released all the same
    assertThat(parts()).containsExactly("node disk-a");
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);
    apply(nano().disk("a"));
    assertHas(Set.of("a"), Set.of());
  }

  @Test
  void whereverTheAgentDiesInAChangeItIsMadeOnce() throws Exception {
    MachineSpec before =
        nano().disk("a", DiskModel.VIRTIO_SCSI).disk("b", DiskModel.VIRTIO_SCSI).build();
    MachineSpec after = nano()
        .disk("b", DiskModel.VIRTIO_SCSI)
        .disk("c")
        .nic("eth0")
        .nic("eth1")
        .build();
    boolean crashed = true;
    int points = 0;
    for (; crashed; points++) {
      driver.apply(board.cx(), id, before);
      try {
        driver.apply(board.cx().crashAt(points), id, after);
        crashed = false;
      } catch (SimulatedCrash e) {
        try (QemuMachineDriver other = another()) {
          other.apply(board.cx(), id, after);
        }
      }
      assertHas(Set.of("b", "c"), Set.of("eth0", "eth1"));
      StandaloneContext again = board.cx();
      driver.apply(again, id, after);
      assertThat(again.steps()).isEmpty();
      driver.delete(Host.context(), id);
    }
    assertThat(points).isGreaterThan(10);
  }

  @Test
  void aMediumThatCannotBeOpenedLeavesNothingAndTheOthersAsTheyAre() throws Exception {
    apply(nano().disk("a"));
    Files.writeString(board.file("b"), "no image");

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> apply(nano().disk("a").disk("b")));

    assertThat(parts()).isEqualTo(Board.expected(Set.of("a"), Set.of()));
    apply(nano().disk("a"));
    assertHas(Set.of("a"), Set.of());
  }

  @Test
  void aBoardWithoutAFreePortRefusesBeforeAnythingIsPlugged() throws Exception {
    apply(nano());
    board.make("d", "e");

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> apply(nano().disk("a").disk("b").disk("c").disk("d").disk("e")))
        .withMessageContaining("no free port")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED));

    assertThat(parts()).isEmpty();
    driver.power(Host.context(), id, PowerAction.HARD_SHUTDOWN);
    driver.power(board.cx(), id, PowerAction.BOOT);
    assertHas(Set.of("a", "b", "c", "d", "e"), Set.of());
  }

  @Test
  void theBootOrderChangesWithoutTheDisk() throws Exception {
    apply(nano().disk("a"));
    apply(nano().bootDisk("a"));
    try (QmpClient qmp = board.qmp(driver, id)) {
      assertThat(qmp.execute(
                  "qom-get",
                  Map.of("path", "/machine/peripheral/disk-a", "property", "bootindex"),
                  Board.LIMIT)
              .number(""))
          .isZero();
    }
    assertHas(Set.of("a"), Set.of());
  }

  @Test
  void anEncryptedVolumeIsOpenedWithItsKeyWhichNoArgumentShows() throws Exception {
    Path key = directory.resolve("key");
    Files.writeString(key, "for your eyes only");
    Path file = directory.resolve("sealed");
    Host.luks(file, key);
    VolumeStatus sealed = new VolumeStatus(
        file, ImageFormat.QCOW2, 8 << 20, 0, Optional.empty(), Optional.of(new Encryption(key)));
    apply(nano());

    driver.apply(
        board.cx().with("volume", "sealed", sealed), id, nano().disk("sealed").build());

    assertThat(parts())
        .containsExactly("device disk-sealed", "node disk-sealed", "object key-sealed");
    assertThat(Files.readString(Path.of("/proc/" + pid(driver, id) + "/cmdline")))
        .doesNotContain("eyes");
    assertThat(Files.readString(run().resolve("qemu.log"))).doesNotContain("eyes");
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> apply(nano()));
    driver.power(Host.context(), id, PowerAction.HARD_REBOOT);
    apply(nano());
    assertThat(parts()).isEmpty();

    Files.writeString(key, "another");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(
            board.cx().with("volume", "sealed", sealed),
            id,
            nano().disk("sealed").build()));
    assertThat(parts()).as("nothing is left of a wrong key").isEmpty();
    apply(nano());
  }

  @Test
  void anotherBoardNeedsARestartThatIsAllowed() throws Exception {
    apply(nano().disk("a"));
    long pid = pid(driver, id);
    MachineSpec other = board.host.nano(Chipset.PC).disk("a").build();
    assertThat(driver.change("chipset", nano().build(), other)).isEqualTo(Change.RESTART);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(board.cx(), id, other))
        .withMessageContaining("chipset")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    assertThat(pid(driver, id)).isEqualTo(pid);
    assertHas(Set.of("a"), Set.of());
    driver.apply(new Restarting(board.cx()), id, other);

    assertThat(pid(driver, id)).isNotEqualTo(pid);
    assertHas(Set.of("a"), Set.of());
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(commandLine()).contains("type=pc").doesNotContain("port0");
  }

  @Test
  void aMachineThatIsOffTakesAnyChangeForItsNextStart() throws Exception {
    apply(nano().disk("a"));
    driver.power(Host.context(), id, PowerAction.HARD_SHUTDOWN);

    driver.apply(
        board.cx(),
        id,
        board.host.nano(Chipset.PC).disk("b").disk("a", DiskModel.VIRTIO_SCSI).build().toBuilder(
                2, 32 << 20)
            .build());
    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
    driver.power(board.cx(), id, PowerAction.BOOT);

    assertHas(Set.of("a", "b"), Set.of());
    assertThat(commandLine()).contains("type=pc").contains("cpus=2").contains("size=32832K");
  }

  @Test
  void whereverTheAgentDiesInARestartTheMachineComesUpOnce() throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      apply(nano().disk("a"));
      Restarting restarting = new Restarting(board.cx().crashAt(point));
      MachineSpec other = board
          .host
          .nano(Chipset.PC)
          .disk("a", DiskModel.VIRTIO_SCSI)
          .nic("eth0")
          .build();
      try {
        driver.apply(restarting, id, other);
        crashed = false;
      } catch (SimulatedCrash e) {
        driver.apply(new Restarting(board.cx()), id, other);
      }
      assertHas(Set.of("a"), Set.of("eth0"));
      assertThat(commandLine()).contains("type=pc").doesNotContain("port0");
      assertThat(board.host.processes()).containsExactly(pid(driver, id));
      driver.delete(Host.context(), id);
    }
  }

  @Test
  void whatIsAskedOfAMachineThatWaitsForItsGuestIsTrueWhenItStarts() throws Exception {
    StandaloneContext cx = board.cx();
    cx.before("start the guest", () -> {
      throw new SimulatedCrash("before the guest was started");
    });
    assertThatExceptionOfType(SimulatedCrash.class)
        .isThrownBy(() -> driver.apply(cx, id, nano().disk("a").disk("b").build()));
    assertThat(state(driver, id)).isEqualTo(MachineState.PREPARED);
    long pid = pid(driver, id);

    apply(nano().disk("b").disk("c"));

    assertThat(pid(driver, id)).isEqualTo(pid);
    assertHas(Set.of("b", "c"), Set.of());
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aQemuThatStandsStillInAChangeIsLookedAtBeforeAnythingIsRepeated() throws Exception {
    MachineSpec few = nano().disk("a", DiskModel.VIRTIO_SCSI).build();
    MachineSpec more = nano()
        .disk("a", DiskModel.VIRTIO_SCSI)
        .disk("b", DiskModel.VIRTIO_SCSI)
        .disk("c", DiskModel.VIRTIO_SCSI)
        .build();
    apply(nano().disk("a", DiskModel.VIRTIO_SCSI));
    long pid = pid(driver, id);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int failed = 0;
    try (QemuMachineDriver hasty = board.open(PATIENCE, Duration.ofMillis(200))) {
      // It may stand still too late; where it always did, once more may be needed.
      for (int i = 0; i < CHANGES || (failed == 0 && i < MOST_CHANGES); i++) {
        MachineSpec wanted = i % 2 == 0 ? more : few;
        Thread stopper = new Thread(() -> stopAfter(random.nextInt(60), pid));
        stopper.start();
        try {
          hasty.apply(board.cx(), id, wanted);
        } catch (N0Exception e) {
          failed++; // it may or may not have been done
        } finally {
          stopper.join();
          Host.signal("CONT", pid);
        }
        driver.apply(board.cx(), id, wanted);
        Set<String> disks = i % 2 == 0 ? Set.of("a", "b", "c") : Set.of("a");
        assertThat(parts())
            .as("seed %d, change %d", seed, i)
            .isEqualTo(Board.expected(disks, Set.of()));
      }
    }
    assertThat(failed).as("calls that had no answer in time").isPositive();
    assertThat(pid(driver, id)).isEqualTo(pid);
  }

  private static void stopAfter(int millis, long pid) {
    LockSupport.parkNanos(Duration.ofMillis(millis).toNanos());
    try {
      Host.signal("STOP", pid);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private String commandLine() throws Exception {
    return Files.readString(Path.of("/proc/" + pid(driver, id) + "/cmdline")).replace('\0', ' ');
  }

  private Path run() {
    return present(driver, id).serialLog().resolveSibling("");
  }

  @Test
  void whatChangesHowIsToldBeforeItIsAsked() {
    MachineSpec from = nano().disk("a").build();
    for (Map.Entry<String, MachineSpec> live : Map.of(
            "disks", nano().disk("b").bootDisk("a").build(),
            "nics", nano().nic("eth0").build(),
            "powerPolicy", from)
        .entrySet()) {
      assertThat(driver.change(live.getKey(), from, live.getValue()))
          .as(live.getKey())
          .isEqualTo(Change.LIVE);
    }
    MachineSpec scsi = nano().disk("a", DiskModel.VIRTIO_SCSI).build();
    assertThat(driver.change("disks", from, scsi)).isEqualTo(Change.RESTART);
    Disk again = scsi.disks().get(0);
    assertThat(again.volume()).isEqualTo("a");
    for (String component : List.of(
        "firmware", "chipset", "accelerator", "display", "cloudInit", "limits", "hardware")) {
      assertThat(driver.change(component, from, scsi)).as(component).isEqualTo(Change.RESTART);
    }
    assertThat(driver.change("vcpus", from, from.toBuilder(2, 16 << 20).build()))
        .isEqualTo(Change.RESTART);
    assertThat(Disruption.values()).hasSize(2);
  }
}
