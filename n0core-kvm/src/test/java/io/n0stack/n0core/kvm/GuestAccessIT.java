package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.guest.GuestAccess;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.guest.GuestAgentOptions;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The agents in the guests of a driver's machines, opened by the driver's capability. */
@Requires({Requirement.QEMU, Requirement.GUEST_AGENT})
class GuestAccessIT {
  private static final GuestAgentOptions HASTY =
      GuestAgentOptions.defaults().withSync(Duration.ofMillis(500));
  private static final GuestAgentOptions PATIENT = HASTY.withSync(Duration.ofMinutes(1));

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private LinuxGuest guest;
  private Host host;
  private QemuMachineDriver driver;
  private GuestAccess access;

  @BeforeEach
  void prepare() throws Exception {
    guest = LinuxGuest.build();
    host = new Host(directory);
    driver = host.open();
    access = driver.capability(GuestAccess.class).orElseThrow();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(Host.context(), id);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  private void boot(String words) {
    driver.apply(Host.context(), id, guest.spec(words).build());
    LinuxGuest.awaitSaid(driver, id, "N0: READY");
  }

  /** The agent of a guest that has just booted may not have opened its port yet. */
  private GuestAgent opened() {
    return await()
        .atMost(LinuxGuest.BOOT)
        .ignoreException(N0Exception.class)
        .until(() -> access.open(id), agent -> true);
  }

  private static void refused(Code code, String why, ThrowingCallable call) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .withMessageContaining(why)
        .satisfies(e -> assertThat(e.code()).isEqualTo(code));
  }

  private GuestAgent hasty() {
    return access.open(id, HASTY);
  }

  /** On a busy host the agent may answer later than others press the power button instead. */
  private QemuMachineDriver patient() {
    return new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withPatience(Patience.usual().withGuestAgent(PATIENT.sync())));
  }

  @Test
  void theAgentIsOpenedByTheMachinesIdAndServesOneAtATime() throws Exception {
    boot("");
    ExecutorService executor = Executors.newSingleThreadExecutor();
    CompletableFuture<Void> next;
    try (GuestAgent agent = opened()) {
      assertThat(agent.system().osInfo().kernelRelease()).isPresent();
      refused(Code.BUSY, "serves another user of this program", this::hasty);
      next = CompletableFuture.runAsync(
          () -> {
            try (GuestAgent other = access.open(id, PATIENT)) {
              other.ping();
            }
          },
          executor);
      agent.ping();
    }
    next.get(1, TimeUnit.MINUTES);
    executor.shutdown();
    try (GuestAgent again = access.open(id, PATIENT)) {
      again.ping();
    }
    try (QemuMachineDriver patient = patient()) {
      patient.power(new StandaloneContext(LinuxGuest.BOOT), id, PowerAction.SHUTDOWN);
    }
    assertThat(Host.present(driver, id).serialLog()).content().contains("N0: AGENT SHUTDOWN");
    refused(Code.PRECONDITION, "it is off", () -> access.open(id).close());
  }

  @Test
  void whoHoldsTheAgentDoesNotKeepTheMachineFromBeingShutDown() {
    boot("");
    try (GuestAgent agent = opened()) {
      driver.power(new StandaloneContext(LinuxGuest.BOOT), id, PowerAction.SHUTDOWN);

      assertThat(Host.state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
      assertThat(Host.said(Host.present(driver, id), "N0: AGENT SHUTDOWN"))
          .as("by the power button")
          .isFalse();
      assertThatExceptionOfType(N0Exception.class).isThrownBy(agent::ping);
    }
  }

  @Test
  void aGuestWithoutAnAgentIsToldFromOneThatIsBusy() {
    boot("n0.noagent=1");

    refused(Code.UNAVAILABLE, "there is no agent in the guest", this::hasty);
    // It has given its turn back.
    refused(Code.UNAVAILABLE, "there is no agent in the guest", this::hasty);
    refused(
        Code.NOT_FOUND,
        "web2",
        () -> access.open(ResourceId.fresh("machine", "web2")).close());
  }
}
