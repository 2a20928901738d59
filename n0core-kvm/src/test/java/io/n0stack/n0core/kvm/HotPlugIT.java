package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A Linux guest that gets devices and gives them back while it runs. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class HotPlugIT extends BoardFixture {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private int questions;

  HotPlugIT() {
    super(PATIENCE, 2, "a", "b", "c");
  }

  private MachineSpec.Builder linux(Chipset chipset) throws Exception {
    Path guest = Board.linux();
    return MachineSpec.builder(1, 256 << 20)
        .chipset(chipset)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Kernel(
            guest.resolve("kernel"),
            Optional.of(guest.resolve("initrd")),
            "console=ttyS0 quiet panic=-1"));
  }

  private StandaloneContext cx() throws IOException {
    return board.lend(new StandaloneContext(Duration.ofMinutes(3)));
  }

  @ParameterizedTest
  @EnumSource(names = {"PC", "Q35"})
  void disksAndNicsComeAndGoAndTheOthersStayWhereTheyAre(Chipset chipset) throws Exception {
    driver.apply(cx(), id, linux(chipset).disk("a").disk("b").build());
    awaitGuest();
    long pid = Host.pid(driver, id);
    List<String> before = pci();

    driver.apply(
        cx(),
        id,
        linux(chipset).disk("a").disk("b").disk("c", DiskModel.NVME).nic("eth0").build());
    assertThat(parts()).isEqualTo(Board.expected(Set.of("a", "b", "c"), Set.of("eth0")));
    assertThat(pci()).containsAll(before);
    await().atMost(PATIENCE).until(() -> seen("/sys/block").contains("nvme0n1"));
    await().atMost(PATIENCE).until(() -> seen("/sys/class/net").contains("eth0"));
    assertThat(seen("/sys/block")).contains("vda", "vdb");
    assertThat(ask("cat /sys/class/net/eth0/address")).isEqualTo(Board.mac(0).toString());
    assertThat(ask("cat /sys/class/net/eth0/mtu")).isEqualTo("1400");

    driver.apply(cx(), id, linux(chipset).disk("b").disk("c", DiskModel.NVME).build());
    assertThat(parts()).isEqualTo(Board.expected(Set.of("b", "c"), Set.of()));
    assertThat(seen("/sys/block")).doesNotContain("vda").contains("vdb", "nvme0n1");
    assertThat(seen("/sys/class/net")).doesNotContain("eth0");
    assertThat(before)
        .containsAll(pci().stream().filter(at -> at.endsWith("disk-b")).toList());

    driver.apply(cx(), id, linux(chipset).disk("b").disk("a").build());
    assertThat(parts()).isEqualTo(Board.expected(Set.of("a", "b"), Set.of()));
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    assertThat(Host.pid(driver, id)).isEqualTo(pid);
  }

  @Test
  void aPausedGuestReleasesItsDiskWhenItIsResumed() throws Exception {
    driver.apply(cx(), id, linux(Chipset.Q35).disk("a").build());
    awaitGuest();
    driver.power(Host.context(), id, PowerAction.PAUSE);
    MachineSpec without = linux(Chipset.Q35).build();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(cx(), id, without))
        .withMessageContaining("disk:a")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    assertThat(present(driver, id).unplugging()).containsExactly("disk:a");
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);
    driver.power(Host.context(), id, PowerAction.RESUME);
    await().atMost(PATIENCE).until(() -> present(driver, id).unplugging().isEmpty());
    assertThat(parts()).containsExactly("node disk-a");

    try (QemuMachineDriver other = another()) {
      other.apply(cx(), id, without); // what one agent has begun another finishes
    }
    assertThat(parts()).isEmpty();
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
  }

  @Test
  void aDiskThatHasAnotherActiveLayerByNowIsFoundAndGoesWithAllItsLayers() throws Exception {
    driver.apply(cx(), id, linux(Chipset.Q35).disk("a").disk("b").build());
    awaitGuest();
    Path overlay = directory.resolve("overlay");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", "-u", overlay.toString(), "8M");
    try (QmpClient qmp = board.qmp(driver, id)) {
      qmp.execute(
          "blockdev-add",
          Map.of(
              "driver", "qcow2",
              "node-name", "n0v-overlay",
              "file", Map.of("driver", "file", "filename", overlay.toString())),
          Board.LIMIT);
      qmp.execute(
          "blockdev-snapshot", Map.of("node", "disk-a", "overlay", "n0v-overlay"), Board.LIMIT);
    }
    StandaloneContext again = cx();
    driver.apply(again, id, linux(Chipset.Q35).disk("a").disk("b").build());
    assertThat(again.steps()).isEmpty();

    driver.apply(cx(), id, linux(Chipset.Q35).disk("b").build());

    assertThat(parts()).isEqualTo(Board.expected(Set.of("b"), Set.of()));
    Files.delete(overlay);
  }

  private void awaitGuest() {
    await().atMost(Duration.ofMinutes(1)).until(() -> Host.said(present(driver, id), "N0: READY"));
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  private Set<String> parts() {
    try (QmpClient qmp = board.qmp(driver, id)) {
      return Board.parts(qmp);
    }
  }

  private List<String> pci() {
    try (QmpClient qmp = board.qmp(driver, id)) {
      return Board.pci(qmp);
    }
  }

  private List<String> seen(String directory) throws IOException {
    return List.of(ask("ls " + directory).split("\\s+"));
  }

  /** Types a command on the guest's console. */
  private String ask(String command) throws IOException {
    int number = ++questions;
    Pattern answer = Pattern.compile("(?s)<<([^$]*?)>>" + number + "\\D");
    Path log = present(driver, id).serialLog();
    // Held open until it is answered: QEMU drops what the guest has not taken when the other side
    // leaves.
    try (ByteChannel console = driver.openSerial(id)) {
      String line = "echo \"<<$(" + command + ")>>" + number + "\"\n";
      console.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII)));
      return await()
          .atMost(PATIENCE)
          .until(() -> answer(answer, log), Optional::isPresent)
          .orElseThrow();
    }
  }

  private static Optional<String> answer(Pattern pattern, Path log) throws IOException {
    Matcher found = pattern.matcher(Files.readString(log, StandardCharsets.ISO_8859_1));
    return found.find() ? Optional.of(found.group(1).strip()) : Optional.empty();
  }
}
