package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** CD-ROM drives whose media change while the guest runs. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class CdromIT extends BoardFixture {
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  CdromIT() {
    super(PATIENCE, 0, "a", "b", "c");
  }

  private static MachineSpec.Builder with(MachineSpec.Builder spec, Cdrom... drives) {
    return spec.hardware(Hardware.standard().withCdroms(List.of(drives)));
  }

  private MachineSpec nano(Cdrom... drives) {
    return with(board.host.nano(Chipset.PC), drives).build();
  }

  private void apply(Cdrom... drives) throws Exception {
    driver.apply(board.cx(), id, nano(drives));
  }

  /** The drives, each with its medium, and then the block nodes that are there. */
  private Map<String, String> media() {
    Map<String, String> found = new TreeMap<>();
    Set<String> nodes = new TreeSet<>();
    try (QmpClient qmp = board.qmp(driver, id)) {
      for (QmpResult block : qmp.execute("query-block", Board.LIMIT).list("")) {
        String device = block.find("/qdev").map(q -> q.text("")).orElse("");
        if (device.contains("cd-")) {
          String open = block.flag("/tray_open") ? "open " : "";
          String inside = block.find("/inserted").map(i -> i.text("/node-name")).orElse("nothing");
          found.put(device.substring(device.lastIndexOf("cd-")), open + inside);
        }
      }
      for (QmpResult node : qmp.execute("query-named-block-nodes", Board.LIMIT).list("")) {
        if (!node.text("/node-name").startsWith("#")) {
          nodes.add(node.text("/node-name"));
        }
      }
    }
    found.put("nodes", nodes.toString());
    return found;
  }

  private void assertMedia(Map<String, String> drives) throws Exception {
    Map<String, String> expected = new TreeMap<>(drives);
    Set<String> nodes = new TreeSet<>(drives.values());
    nodes.remove("nothing");
    expected.put("nodes", nodes.toString());
    assertThat(media()).isEqualTo(expected);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    assertThat(Host.present(driver, id).unplugging()).isEmpty();
  }

  @Test
  void aMediumComesAndChangesAndGoesWhileTheGuestRuns() throws Exception {
    apply(Cdrom.empty("one"));
    assertMedia(Map.of("cd-one", "nothing"));
    long pid = Host.pid(driver, id);
    assertThat(driver.change("hardware", nano(Cdrom.empty("one")), nano(Cdrom.of("one", "a"))))
        .isEqualTo(Change.LIVE);

    apply(Cdrom.of("one", "a"));
    assertMedia(Map.of("cd-one", "disk-a"));
    apply(Cdrom.of("one", "b"));
    assertMedia(Map.of("cd-one", "disk-b"));
    apply(Cdrom.empty("one"));
    assertMedia(Map.of("cd-one", "nothing"));
    apply(Cdrom.empty("one"), Cdrom.of("two", "c"));
    assertMedia(Map.of("cd-one", "nothing", "cd-two", "disk-c"));
    apply(Cdrom.empty("one"));
    assertMedia(Map.of("cd-one", "nothing"));
    apply();
    assertMedia(Map.of());
    assertThat(Host.pid(driver, id)).isEqualTo(pid);
  }

  @Test
  void mediaChangePlacesAndBecomeDisks() throws Exception {
    apply(Cdrom.of("one", "a"), Cdrom.of("two", "b"));

    apply(Cdrom.of("one", "b"), Cdrom.of("two", "a"));
    assertMedia(Map.of("cd-one", "disk-b", "cd-two", "disk-a"));

    driver.apply(
        board.cx(),
        id,
        with(board.host.nano(Chipset.PC), Cdrom.of("one", "c"), Cdrom.empty("two"))
            .disk("a", DiskModel.VIRTIO_SCSI)
            .build());
    Map<String, String> now = media();
    assertThat(now)
        .containsEntry("cd-one", "disk-c")
        .containsEntry("cd-two", "nothing")
        .containsEntry("nodes", "[disk-a, disk-c]");
  }

  @Test
  void aVolumeThatHasMovedIsTakenOutAndPutInAgain() throws Exception {
    apply(Cdrom.of("one", "a"));
    Path moved = Files.copy(board.file("a"), directory.resolve("elsewhere"));
    StandaloneContext cx = board
        .cx()
        .with(
            "volume",
            "a",
            new VolumeStatus(moved, ImageFormat.QCOW2, 8 << 20, 0, Optional.empty()));

    driver.apply(cx, id, nano(Cdrom.of("one", "a")));

    assertMedia(Map.of("cd-one", "disk-a"));
    try (QmpClient qmp = board.qmp(driver, id)) {
      assertThat(qmp.execute("query-block", Board.LIMIT).list(""))
          .anySatisfy(block -> assertThat(block.find("/inserted/file").map(f -> f.text("")))
              .contains(moved.toString()));
    }
  }

  @Test
  void whereverTheAgentDiesTheMediaAreChangedAndNoNodeIsLeft() throws Exception {
    MachineSpec after = nano(Cdrom.of("one", "b"), Cdrom.empty("two"), Cdrom.of("three", "a"));
    boolean crashed = true;
    int points = 0;
    for (; crashed; points++) {
      crashed = false;
      apply(Cdrom.of("one", "a"), Cdrom.of("two", "b"));
      try {
        driver.apply(board.cx().crashAt(points), id, after);
      } catch (SimulatedCrash e) {
        crashed = true;
        try (QemuMachineDriver other = another()) {
          if (points % 2 == 0) { // what is wanted may have changed meanwhile
            other.apply(board.cx(), id, nano(Cdrom.of("one", "c"), Cdrom.empty("two")));
          }
          other.apply(board.cx(), id, after);
        }
      }
      assertMedia(Map.of("cd-one", "disk-b", "cd-two", "nothing", "cd-three", "disk-a"));
      StandaloneContext again = board.cx();
      driver.apply(again, id, after);
      assertThat(again.steps()).isEmpty();
      apply(Cdrom.of("one", "a"));
      assertMedia(Map.of("cd-one", "disk-a"));
    }
    assertThat(points).isGreaterThan(7);
  }

  @Test
  void anAgentThatDiesBetweenTwoCommandsLeavesNoNodeBehind() throws Exception {
    apply(Cdrom.of("one", "a"));
    Path run = Path.of(String.valueOf(Host.present(driver, id).serialLog().getParent()));
    try (QmpClient qmp = board.qmp(driver, id)) {
      for (String node : List.of("disk-b", "disk-c")) {
        qmp.execute(
            "blockdev-add",
            Map.of(
                "driver",
                "qcow2",
                "node-name",
                node,
                "read-only",
                true,
                "file",
                Map.of(
                    "driver",
                    "file",
                    "filename",
                    board.file(node.substring("disk-".length())).toString())),
            Board.LIMIT);
      }
      qmp.execute("blockdev-open-tray", Map.of("id", "cd-one"), Board.LIMIT);
      qmp.execute("blockdev-remove-medium", Map.of("id", "cd-one"), Board.LIMIT);
    }
    Files.writeString(run.resolve("medium.cd-one"), "disk-a\ndisk-b\ndisk-c");
    assertThat(Host.present(driver, id).unplugging()).containsExactly("cd:one");

    apply(Cdrom.of("one", "b"));

    assertMedia(Map.of("cd-one", "disk-b"));
    assertThat(run.resolve("medium.cd-one")).doesNotExist();
  }

  @Test
  void aMachineIsStartedWithTheMediumInTheDriveAndBootsFromIt() throws Exception {
    Cdrom first = new Cdrom("one", Optional.of("a"), Optional.of(0));
    apply(first);
    assertMedia(Map.of("cd-one", "disk-a"));
    try (QmpClient qmp = board.qmp(driver, id)) {
      assertThat(qmp.execute(
                  "qom-get",
                  Map.of("path", "/machine/peripheral/cd-one", "property", "bootindex"),
                  Board.LIMIT)
              .number(""))
          .isZero();
    }
    driver.power(board.cx(), id, PowerAction.HARD_SHUTDOWN);
    apply(new Cdrom("one", Optional.of("b"), Optional.of(0)));
    driver.power(board.cx(), id, PowerAction.BOOT);
    assertMedia(Map.of("cd-one", "disk-b"));
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void anEncryptedVolumeIsNoMedium() throws Exception {
    StandaloneContext cx = board
        .cx()
        .with(
            "volume",
            "a",
            new VolumeStatus(
                board.file("a"),
                ImageFormat.QCOW2,
                8 << 20,
                0,
                Optional.empty(),
                Optional.of(new Encryption(directory.resolve("key")))));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(cx, id, nano(Cdrom.of("one", "a"))))
        .withMessageContaining("hardware.cdroms.volume \"a\"")
        .withMessageContaining("must not be encrypted");
    assertThat(board.host.processes()).isEmpty();
  }

  @Test
  void aGuestThatHoldsTheTrayIsAskedUntilItOpensIt() throws Exception {
    for (String name : List.of("a", "b")) {
      byte[] sector = new byte[1 << 16];
      Arrays.fill(sector, (byte) '.');
      byte[] label = ("medium-" + name + "\n").getBytes(java.nio.charset.StandardCharsets.US_ASCII);
      System.arraycopy(label, 0, sector, 0, label.length);
      Files.write(directory.resolve(name + ".iso"), sector);
    }
    LinuxGuest guest = LinuxGuest.build();
    driver.apply(isos(), id, with(guest.spec(""), Cdrom.of("one", "a")).build());
    LinuxGuest.awaitShell(driver, id);
    LinuxGuest.type(driver, id, "echo F''IRST $(head -n 1 /dev/sr0)");
    LinuxGuest.awaitSaid(driver, id, "FIRST medium-a");
    MachineSpec changed = with(guest.spec(""), Cdrom.of("one", "b")).build();
    // Who has the device open has the tray locked.
    LinuxGuest.type(driver, id, "exec 5</dev/sr0; echo L''OCKED");
    LinuxGuest.awaitSaid(driver, id, "LOCKED");

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(isos(), id, changed))
        .withMessageContaining("asked to release [cd:one]")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    assertThat(Host.present(driver, id).unplugging()).containsExactly("cd:one");
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);
    assertThat(media()).containsEntry("cd-one", "disk-a");

    LinuxGuest.type(driver, id, "exec 5<&-; echo UN''LOCKED");
    LinuxGuest.awaitSaid(driver, id, "UNLOCKED");
    try (QemuMachineDriver other = another()) {
      other.apply(isos(), id, changed);
    }
    assertMedia(Map.of("cd-one", "disk-b"));
    LinuxGuest.type(driver, id, "echo S''ECOND $(head -n 1 /dev/sr0)");
    LinuxGuest.awaitSaid(driver, id, "SECOND medium-b");
  }

  private StandaloneContext isos() {
    StandaloneContext cx = new StandaloneContext(LinuxGuest.BOOT);
    for (String name : List.of("a", "b")) {
      Path file = directory.resolve(name + ".iso");
      cx.with(
          "volume", name, new VolumeStatus(file, ImageFormat.RAW, 1 << 16, 0, Optional.empty()));
    }
    return cx;
  }
}
