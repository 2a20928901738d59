package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.Hardware.Tpm;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.CloudInit;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.storage.SeedImages;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a spec asks for is there inside the guest, not just in QEMU. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class SeenByTheGuestIT extends BoardFixture {
  private static final long MIB = 1 << 20;

  SeenByTheGuestIT() {
    super(Duration.ofSeconds(10), 1);
  }

  private StandaloneContext cx() throws Exception {
    return board.lend(new StandaloneContext(LinuxGuest.BOOT));
  }

  /** Has the guest's shell run it, and waits for what it says. */
  private void hear(String command, String answer) throws Exception {
    LinuxGuest.type(driver, id, command);
    LinuxGuest.awaitSaid(driver, id, answer);
  }

  @Test
  void aSharedDirectoryIsMountedAndEachSideSeesWhatTheOtherWrites() throws Exception {
    Path data = Files.createDirectory(directory.resolve("data"));
    Path docs = Files.createDirectory(directory.resolve("docs"));
    Files.writeString(data.resolve("of-host"), "written-here");
    Files.writeString(docs.resolve("manual"), "to-read-only");
    MachineSpec spec = LinuxGuest.build()
        .spec("")
        .hardware(Hardware.standard()
            .withShares(List.of(
                new Share("data", data, Share.Access.READ_WRITE),
                new Share("docs", docs, Share.Access.READ_ONLY))))
        .build();

    driver.apply(cx(), id, spec);
    LinuxGuest.awaitShell(driver, id);

    hear(
        "mkdir /data /docs; mount -t virtiofs data /data; mount -t virtiofs docs /docs;"
            + " echo S''EES $(cat /data/of-host) $(cat /docs/manual)",
        "SEES written-here to-read-only");
    hear("echo written-there > /data/of-guest; sync; echo WR''ITTEN", "WRITTEN");
    assertThat(data.resolve("of-guest")).hasContent("written-there");
    hear("echo x 2>&1 > /docs/x || echo RE''FUSED", "REFUSED");
    assertThat(docs).isDirectoryNotContaining("glob:**x");
    Files.writeString(data.resolve("later"), "while-it-runs");
    hear("echo T''HEN $(cat /data/later)", "THEN while-it-runs");
  }

  @Test
  void theSeedIsADiscWhoseLabelCloudInitLooksForAndHoldsTheUser() throws Exception {
    byte[] image;
    try (InputStream in = getClass().getResourceAsStream("seed.iso.gz")) {
      // Made by CloudInitSeed of n0core-storage for the user alice of the host web1.
      image = new GZIPInputStream(Objects.requireNonNull(in)).readAllBytes();
    }
    SeedImages seeds = seed -> image;
    MachineSpec spec = LinuxGuest.build()
        .spec("")
        .cloudInit(new CloudInit("web1", "alice", List.of()))
        .build();

    driver.apply(cx().lending("volume", seeds), id, spec);
    LinuxGuest.awaitShell(driver, id);

    // Where ISO 9660 has the label: the blkid of this guest does not know that file system.
    hear("echo LA''BEL $(dd if=/dev/sr0 bs=1 skip=32808 count=6 2>&-)", "LABEL cidata");
    hear(
        "mount -t iso9660 /dev/sr0 /mnt && grep -o '\"name\" : \"alice\"' /mnt/user-data",
        "\"name\" : \"alice\"");
    hear("grep -c 'local-hostname.*web1' /mnt/meta-data | sed 's/^/HO''ST /'", "HOST 1");
  }

  @ParameterizedTest
  @CsvSource({"VERSION_2_0, Q35, 2", "VERSION_1_2, PC, 1"})
  void theTpmIsThereInTheVersionAskedFor(Tpm version, Chipset chipset, int major) throws Exception {
    MachineSpec spec = LinuxGuest.build()
        .spec("")
        .chipset(chipset)
        .hardware(Hardware.standard().withTpm(version))
        .build();

    driver.apply(cx(), id, spec);
    LinuxGuest.awaitShell(driver, id);

    hear(
        "ls -l /dev/tpm0 | cut -c 1; echo VER''SION $(cat /sys/class/tpm/tpm0/tpm_version_major)",
        "VERSION " + major);
    Path state = board.host.root.resolve(id.uid().toString()).resolve("tpm");
    assertThat(state).isDirectoryContaining("glob:**/" + (major == 2 ? "tpm2-00.*" : "tpm-00.*"));
  }

  /** It has no timer by which Linux could find out how fast the processor counts. */
  private static String clock() throws Exception {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      double megahertz = lines
          .filter(line -> line.startsWith("cpu MHz"))
          .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(':') + 1)))
          .findFirst()
          .orElse(2000);
      return "no_timer_check tsc_early_khz=" + Math.round(1000 * megahertz);
    }
  }

  @Test
  void aMicrovmHasItsDiskAndItsNic() throws Exception {
    board.make("data");
    MachineSpec spec = LinuxGuest.build()
        .spec("n0.ip=10.77.0.2/24 " + clock())
        .chipset(Chipset.MICROVM)
        .disk("data")
        .nic("eth0")
        .build();

    driver.apply(cx(), id, spec);
    LinuxGuest.awaitShell(driver, id);

    long sectors = 8 * MIB / 512;
    hear("echo SE''CTORS $(cat /sys/block/vda/size)", "SECTORS " + sectors);
    hear("echo M''AC $(cat /sys/class/net/eth0/address)", "MAC " + Board.mac(0));
    board.make("more");
    driver.apply(cx(), id, spec.toBuilder(1, spec.memoryBytes()).disk("more").build());
    hear("echo 1 > /sys/bus/pci/rescan; echo MO''RE $(cat /sys/block/vdb/size)", "MORE " + sectors);
    hear("echo writtenthere | dd of=/dev/vda conv=fsync && echo WR''ITTEN", "WRITTEN");
    driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
    String start =
        Host.run("qemu-io", "-r", "-c", "read -v 0 16", board.file("data").toString());
    assertThat(start).contains("writtenthere");
  }

  @Test
  void withoutSecureBootTheFirmwareOfAPcComesUpToItsShell() throws Exception {
    MachineSpec spec = MachineSpec.builder(1, 128 * MIB)
        .chipset(Chipset.PC)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.OFF))
        .build();

    driver.apply(cx(), id, spec);

    await("shell")
        .atMost(LinuxGuest.BOOT)
        .pollInterval(Duration.ofSeconds(1))
        .until(() -> Host.said(Host.present(driver, id), "Shell>"));
  }
}
