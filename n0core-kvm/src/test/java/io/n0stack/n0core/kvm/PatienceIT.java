package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.guest.GuestAccess;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpEvent;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How long is waited for guests, as the configuration says. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class PatienceIT {
  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final String AN_HOUR = "3600";
  private static final int LOOKS_PER_SECOND = 20;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
  }

  @AfterEach
  void nothingIsLeft() {
    try (QemuMachineDriver driver = host.open()) {
      driver.delete(Host.context(), id);
    }
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  private QemuMachineDriver open(String key, String value) {
    Map<String, String> configuration =
        Map.of("kvm.directory", host.root.toString(), "kvm.accelerator", "tcg", key, value);
    return (QemuMachineDriver) DriverPlugin.drivers(configuration).get(0);
  }

  /** The presses of the power button, as QEMU tells of them. */
  private static final class Button implements QmpListener, AutoCloseable {
    private final AtomicInteger presses = new AtomicInteger();
    private final QmpClient qmp;

    Button(QemuMachineDriver driver, ResourceId id) {
      qmp = QmpClient.connect(present(driver, id).serialLog().resolveSibling("rescue"), LIMIT);
      qmp.subscribe(Runnable::run, this);
    }

    @Override
    public void event(QmpEvent event) {
      if (event.name().equals("POWERDOWN")) {
        presses.incrementAndGet();
      }
    }

    @Override
    public void lost(long count) {
      throw new AssertionError("lost " + count + " events");
    }

    int presses() {
      qmp.execute("query-status", LIMIT); // what was told before has been heard then
      return presses.get();
    }

    @Override
    public void close() {
      qmp.close();
    }
  }

  private static StandaloneContext cx() {
    return new StandaloneContext(LIMIT);
  }

  private StandaloneContext withDisk() throws Exception {
    Path volume = directory.resolve("data.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", volume.toString(), "8M");
    return cx().with(
            "volume",
            "data",
            new VolumeStatus(volume, ImageFormat.QCOW2, 8 << 20, 0, Optional.empty()));
  }

  private Cancelling unplugging(StandaloneContext cx) {
    return new Cancelling(cx, "waiting for the guest to release", message -> false);
  }

  /** This guest does not know how to release a disk. */
  @Test
  void anUnplugIsPendingAfterTheTimeThatIsConfigured() throws Exception {
    StandaloneContext cx = withDisk();
    try (QemuMachineDriver driver = open("kvm.unplug-timeout", "1")) {
      driver.apply(cx, id, host.nano(Chipset.Q35).disk("data").build());
      Cancelling counted = unplugging(cx);

      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.apply(counted, id, host.nano(Chipset.Q35).build()))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));

      assertThat(counted.reported()).isBetween(1, LOOKS_PER_SECOND + 1);
      assertThat(present(driver, id).unplugging()).containsExactly("disk:data");
    }
  }

  @Test
  void anUnplugWaitsAsLongAsIsConfiguredForAGuestThatTakesItsTime() throws Exception {
    StandaloneContext cx = withDisk();
    try (QemuMachineDriver driver = open("kvm.unplug-timeout", AN_HOUR)) {
      driver.apply(cx, id, host.nano(Chipset.Q35).disk("data").build());
      Cancelling counted = unplugging(cx);
      CompletableFuture<Void> unplugged = CompletableFuture.runAsync(
          () -> driver.apply(counted, id, host.nano(Chipset.Q35).build()));
      await().atMost(LIMIT).until(() -> present(driver, id).unplugging().contains("disk:data"));

      driver.power(cx, id, PowerAction.HARD_REBOOT); // a reset releases all it was asked for

      assertThat(unplugged).succeedsWithin(LIMIT);
      assertThat(present(driver, id).unplugging()).isEmpty();
    }
  }

  @Test
  void thePowerButtonIsPressedAgainAfterThePeriodThatIsConfigured() throws Exception {
    LinuxGuest guest = LinuxGuest.build();
    try (QemuMachineDriver seldom = open("kvm.button-period", AN_HOUR);
        QemuMachineDriver often = open("kvm.button-period", "1")) {
      seldom.apply(cx(), id, guest.spec("n0.noagent=1 n0.noacpi=1").build());
      LinuxGuest.awaitSaid(seldom, id, "N0: READY");
      try (Button button = new Button(seldom, id)) {
        Duration severalUsualPeriods = Patience.usual().buttonPeriod().multipliedBy(2);
        assertThatExceptionOfType(N0Exception.class)
            .isThrownBy(() ->
                seldom.power(new StandaloneContext(severalUsualPeriods), id, PowerAction.SHUTDOWN))
            .withMessageContaining("obeyed neither");
        assertThat(button.presses()).isEqualTo(1);

        Cancelling untilPressed = new Cancelling(
            cx(), "waiting for the guest to shut down", message -> button.presses() > 3);
        assertThatExceptionOfType(N0Exception.class)
            .isThrownBy(() -> often.power(untilPressed, id, PowerAction.SHUTDOWN))
            .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));
      }
      assertThat(state(often, id)).isEqualTo(MachineState.RUNNING);
    }
  }

  @Test
  @Requires(Requirement.GUEST_AGENT)
  void theAgentIsWaitedForAsLongAsIsConfiguredBeforeThePowerButtonIsPressed() throws Exception {
    LinuxGuest guest = LinuxGuest.build();
    try (QemuMachineDriver driver = open("kvm.guest-agent-timeout", AN_HOUR)) {
      driver.apply(cx(), id, guest.spec("").build());
      LinuxGuest.awaitSaid(driver, id, "N0: READY");
      GuestAccess access = driver.capability(GuestAccess.class).orElseThrow();
      GuestAgent held = await()
          .atMost(LIMIT)
          .ignoreException(N0Exception.class)
          .until(() -> access.open(id), agent -> true);
      try (Button button = new Button(driver, id)) {
        CompletableFuture<Void> off =
            CompletableFuture.runAsync(() -> driver.power(cx(), id, PowerAction.SHUTDOWN));

        Duration severalUsualLimits = Patience.usual().guestAgent().multipliedBy(3);
        await()
            .during(severalUsualLimits)
            .atMost(LIMIT)
            .until(() -> button.presses() == 0 && !off.isDone());
        held.close();

        assertThat(off).succeedsWithin(LIMIT);
      }
      assertThat(said(present(driver, id), "N0: AGENT SHUTDOWN")).isTrue();
      assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
    }
  }
}
