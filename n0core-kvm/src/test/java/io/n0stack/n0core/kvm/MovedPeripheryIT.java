package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Firmware, a TPM and shared directories of machines that are saved, set back and migrated. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MovedPeripheryIT {
  private static final long MIB = 1 << 20;
  private static final long SIZE = 64 * MIB;

  /** TPM2_PCR_Extend of register 16, which nobody else uses, by a digest of zeros. */
  private static final String EXTEND = "printf '\\200\\002\\000\\000\\000\\101\\000\\000\\001\\202"
      + "\\000\\000\\000\\020\\000\\000\\000\\011\\100\\000\\000\\011\\000\\000\\000\\000\\000"
      + "\\000\\000\\000\\001\\000\\013"
      + "\\000".repeat(32)
      + "' > /dev/tpm0";

  private static final String PCR = "/sys/class/tpm/tpm0/pcr-sha256/16";

  @TempDir
  Path directory;

  private TwoHosts hosts;

  @BeforeEach
  void prepare() throws Exception {
    hosts = new TwoHosts(directory, this::here, this::there);
    for (String name : List.of("here", "there")) {
      Host.run("qemu-img", "create", "-q", "-f", "qcow2", file(name).toString(), "64M");
    }
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  private Path file(String name) {
    return directory.resolve(name + ".qcow2");
  }

  private StandaloneContext here() {
    return context("here");
  }

  private StandaloneContext there() {
    return context("there");
  }

  private StandaloneContext context(String volume) {
    return new StandaloneContext(LinuxGuest.BOOT)
        .with(
            "volume",
            "root",
            new VolumeStatus(file(volume), ImageFormat.QCOW2, SIZE, 0, Optional.empty()));
  }

  private QemuMachineDriver left() {
    return hosts.agent(hosts.left);
  }

  private static MachineSnapshots snapshots(QemuMachineDriver driver) {
    return driver.capability(MachineSnapshots.class).orElseThrow();
  }

  private void saveAndRestore() {
    left().power(here(), hosts.id, PowerAction.SAVE);
    assertThat(Host.state(left(), hosts.id)).isEqualTo(MachineState.SAVED);
    left().power(here(), hosts.id, PowerAction.BOOT);
    assertThat(Host.state(left(), hosts.id)).isEqualTo(MachineState.RUNNING);
  }

  private QemuMachineDriver migrated() {
    hosts.migrate(
        hosts.left, hosts.right, MigrationReception.unix().withDisks(), MigrationOptions.usual());
    assertThat(hosts.running()).isEqualTo(1);
    QemuMachineDriver right = hosts.agent(hosts.right);
    assertThat(Host.state(right, hosts.id)).isEqualTo(MachineState.RUNNING);
    return right;
  }

  @Test
  void whatATpmHasMeasuredIsSavedAndSetBackAndMigrated() throws Exception {
    MachineSpec spec = LinuxGuest.build()
        .spec("")
        .chipset(Chipset.Q35)
        .hardware(Hardware.standard().withTpm(Hardware.Tpm.VERSION_2_0))
        .disk("root")
        .build();
    left().apply(here(), hosts.id, spec);
    LinuxGuest.awaitShell(left(), hosts.id);
    run(left(), "n() { echo \"$1 $([ $(cat " + PCR + ") = $(cat /was) ] && echo sa''me)\"; }", "n");
    run(left(), EXTEND + "; cat " + PCR + " > /was", "first");
    run(left(), "grep -q '^0*$' /was || echo MEA''SURED", "measured");
    LinuxGuest.awaitSaid(left(), hosts.id, "MEASURED");

    saveAndRestore();
    run(left(), "n saved", "saved same");

    snapshots(left()).takeSnapshot(here(), hosts.id, "one", Content.MEMORY);
    run(left(), EXTEND + "; n extended", "extended");
    run(left(), "[ $(cat " + PCR + ") = $(cat /was) ] || echo CHA''NGED", "changed");
    LinuxGuest.awaitSaid(left(), hosts.id, "CHANGED");
    snapshots(left()).revertToSnapshot(here(), hosts.id, "one");
    run(left(), "n reverted", "reverted same");

    QemuMachineDriver right = migrated();
    run(right, "n migrated", "migrated same");
    run(right, EXTEND + "; [ $(cat " + PCR + ") = $(cat /was) ] || echo WO''RKS", "works");
    LinuxGuest.awaitSaid(right, hosts.id, "WORKS");
  }

  /** Runs a command and waits for its end, and for what it says if the text has a word more. */
  private void run(QemuMachineDriver driver, String command, String text) throws Exception {
    String end = text.replace(' ', '-') + "-end";
    LinuxGuest.type(driver, hosts.id, command);
    LinuxGuest.type(driver, hosts.id, "echo " + end.charAt(0) + "''" + end.substring(1));
    LinuxGuest.awaitSaid(driver, hosts.id, end);
    if (text.contains(" ")) {
      LinuxGuest.awaitSaid(driver, hosts.id, text);
    }
  }

  @Test
  void firmwareIsSavedAndSetBackAndMigratedWithItsVariables() throws Exception {
    MachineSpec spec = MachineSpec.builder(1, 128 * MIB)
        .chipset(Chipset.Q35)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.OFF))
        .disk("root")
        .build();
    left().apply(here(), hosts.id, spec);
    await("shell")
        .atMost(LinuxGuest.BOOT)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> Host.said(Host.present(left(), hosts.id), "Shell>"));
    // One variable that is only in memory, and one that is in the firmware's file.
    shell(left(), "set -v short kept");
    shell(left(), "set long stored");
    hear(left(), "echo begun-%short%-%long%", "begun-kept-stored");

    saveAndRestore();
    hear(left(), "echo saved-%short%-%long%", "saved-kept-stored");

    snapshots(left()).takeSnapshot(here(), hosts.id, "one", Content.MEMORY);
    shell(left(), "set -v short lost");
    hear(left(), "echo changed-%short%", "changed-lost");
    snapshots(left()).revertToSnapshot(here(), hosts.id, "one");
    hear(left(), "echo reverted-%short%-%long%", "reverted-kept-stored");

    QemuMachineDriver right = migrated();
    hear(right, "echo migrated-%short%-%long%", "migrated-kept-stored");
    Path variables = Path.of(hosts.id.uid().toString(), "uefi-variables.fd");
    assertThat(hosts.right.root.resolve(variables))
        .hasSameBinaryContentAs(hosts.left.root.resolve(variables));
    byte[] file = Files.readAllBytes(hosts.right.root.resolve(variables));
    // UTF-16, at an odd place or an even one.
    assertThat(new String(file, StandardCharsets.ISO_8859_1)).contains("s\0t\0o\0r\0e\0d\0");
  }

  private void shell(QemuMachineDriver driver, String line) throws Exception {
    try (ByteChannel console = driver.openSerial(hosts.id)) {
      ByteBuffer bytes = ByteBuffer.wrap((line + "\r").getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        console.write(bytes);
      }
    }
  }

  private void hear(QemuMachineDriver driver, String line, String answer) throws Exception {
    shell(driver, line);
    LinuxGuest.awaitSaid(driver, hosts.id, answer);
  }

  @Test
  void aMachineWithASharedDirectoryIsNeitherSavedNorMigratedAndKeepsRunning() throws Exception {
    Path data = Files.createDirectory(directory.resolve("data"));
    MachineSpec spec = hosts
        .left
        .nano(Chipset.Q35)
        .hardware(Hardware.standard()
            .withShares(List.of(new Share("data", data, Share.Access.READ_WRITE))))
        .disk("root")
        .build();
    left().apply(here(), hosts.id, spec);
    StandaloneContext cx = here();

    refused(() -> left().power(cx, hosts.id, PowerAction.SAVE));
    refused(() -> snapshots(left()).takeSnapshot(cx, hosts.id, "one", Content.MEMORY));
    Migration migration = TwoHosts.migration(left());
    refused(() -> assertThat(migration.offer(hosts.id)).isNull());

    assertThat(cx.steps()).isEmpty();
    assertThat(Host.state(left(), hosts.id)).isEqualTo(MachineState.RUNNING);
    assertThat(left().observe(hosts.id)).extracting("complete").isEqualTo(true);
    assertThat(snapshots(left()).snapshots(hosts.id)).isEmpty();
    snapshots(left()).takeSnapshot(cx, hosts.id, "one", Content.DISKS);
    assertThat(snapshots(left()).snapshots(hosts.id)).hasSize(1);
  }

  private static void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .withMessageContaining("hardware.shares [data] must be empty")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
  }
}
