package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Power as a Linux guest sees it. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LinuxPowerIT {
  private static final Duration GUEST = Duration.ofMinutes(1);

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;
  private LinuxGuest guest;

  @BeforeEach
  void prepare() throws Exception {
    guest = LinuxGuest.build();
    host = new Host(directory);
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @Test
  @Requires(Requirement.GUEST_AGENT)
  void aGuestThatDoesNotHearThePowerButtonIsShutDownByItsAgent() {
    driver.apply(context(), id, guest.spec("n0.noacpi=1").build());
    LinuxGuest.awaitSaid(driver, id, "N0: READY");

    driver.power(new StandaloneContext(GUEST), id, PowerAction.SHUTDOWN);

    assertThat(said(present(driver, id), "N0: AGENT SHUTDOWN")).isTrue();
    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
  }

  @Test
  void aDeafGuestRunsOnAfterTheDeadlineAndOneWithAPowerButtonObeysIt() {
    driver.apply(context(), id, guest.spec("n0.noagent=1 n0.noacpi=1").build());
    LinuxGuest.awaitSaid(driver, id, "N0: READY");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() ->
            driver.power(new StandaloneContext(Duration.ofSeconds(7)), id, PowerAction.SHUTDOWN))
        .withMessageContaining("obeyed neither");
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    driver.delete(context(), id);

    driver.apply(context(), id, guest.spec("n0.noagent=1").build());
    LinuxGuest.awaitSaid(driver, id, "N0: READY");
    driver.power(new StandaloneContext(GUEST), id, PowerAction.SHUTDOWN);

    assertThat(said(present(driver, id), "N0: POWER BUTTON")).isTrue();
  }

  @Test
  void aFullDiskStopsTheGuestWhichGoesOnOnceThereIsRoom() throws Exception {
    Path small = Files.createDirectory(directory.resolve("small"));
    Host.run("mount", "-t", "tmpfs", "-o", "size=3m", "none", small.toString());
    try {
      Path volume = small.resolve("data.qcow2");
      Host.run(
          "qemu-img",
          "create",
          "-q",
          "-f",
          "qcow2",
          "-F",
          "qcow2",
          "-b",
          guest.base().toString(),
          volume.toString());
      StandaloneContext cx = context()
          .with(
              "volume",
              "data",
              new VolumeStatus(volume, ImageFormat.QCOW2, 64 << 20, 0, Optional.of(guest.base())));
      driver.apply(cx, id, guest.spec("n0.noagent=1").disk("data").build());
      LinuxGuest.awaitSaid(driver, id, "N0: READY");
      LinuxGuest.awaitShell(driver, id);

      LinuxGuest.type(
          driver, id, "dd if=/dev/urandom of=/mnt/big bs=1M count=8; sync; echo DO''NE");
      await().atMost(GUEST).until(() -> state(driver, id) == MachineState.FAILED);

      assertThat(present(driver, id).reason().orElseThrow())
          .startsWith("io-error")
          .contains("disk-data")
          .contains("no space left");
      Host.run("mount", "-o", "remount,size=64m", small.toString());
      driver.power(context(), id, PowerAction.RESUME);
      LinuxGuest.awaitSaid(driver, id, "DONE");
      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    } finally {
      driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
      Host.run("umount", small.toString());
    }
  }
}
