package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
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
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Guests that are moved into a file and back. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class SavedMachineIT {
  private static final int MOST_POINTS = 40;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;
  private MachineSpec spec;

  @BeforeEach
  void start() throws IOException {
    host = new Host(directory);
    driver = host.open();
    spec = host.nano(Chipset.Q35).build();
    driver.apply(context(), id, spec);
    await().until(() -> said(present(driver, id), "READY"));
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(
      value = MachineState.class,
      names = {"RUNNING", "PAUSED"})
  void aSavedGuestGoesOnWhereItWas(MachineState before) throws Exception {
    say("p"); // from now on it says P once a second, which a guest that was started anew does not
    await().until(() -> said(present(driver, id), "P"));
    if (before == MachineState.PAUSED) {
      driver.power(context(), id, PowerAction.PAUSE);
    }

    driver.power(context(), id, PowerAction.SAVE);

    assertThat(state(driver, id)).isEqualTo(MachineState.SAVED);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    assertThat(host.processes()).isEmpty();
    driver.power(context(), id, PowerAction.SAVE);
    driver.apply(context(), id, spec);
    assertThat(state(driver, id)).isEqualTo(MachineState.SAVED);

    driver.power(context(), id, PowerAction.BOOT);

    assertThat(state(driver, id)).isEqualTo(before);
    if (before == MachineState.PAUSED) {
      driver.power(context(), id, PowerAction.RESUME);
    }
    await().until(() -> said(present(driver, id), "P"));
    assertThat(said(present(driver, id), "READY")).as("it was not started anew").isFalse();
    assertThat(marks()).isEmpty();
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
  }

  @Test
  void whatASavedMachineCannotDoIsRefusedAndItsMemoryCanBeForgotten() {
    driver.power(context(), id, PowerAction.SAVE);

    for (PowerAction action : List.of(PowerAction.REBOOT, PowerAction.PAUSE, PowerAction.RESUME)) {
      refused(() -> driver.power(context(), id, action), "SAVED");
    }
    MachineSpec other = host.nano(Chipset.PC).build();
    refused(() -> driver.apply(context(), id, other), "it is saved");
    assertThat(state(driver, id)).isEqualTo(MachineState.SAVED);

    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);

    assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
    assertThat(marks()).isEmpty();
    driver.power(context(), id, PowerAction.BOOT);
    await().until(() -> said(present(driver, id), "READY"));
  }

  @Test
  void aCrashAtAnyPointOfSavingLeavesTheGuestInOnePlace() {
    long pid = pid(driver, id);
    int point = 0;
    boolean crashed = true;
    while (crashed) {
      crashed = crashes(PowerAction.SAVE, point++);
      try (QemuMachineDriver next = host.open()) {
        boolean saved = state(next, id) == MachineState.SAVED;
        next.apply(context(), id, spec);
        assertThat(state(next, id))
            .as("point " + point)
            .isEqualTo(saved ? MachineState.SAVED : MachineState.RUNNING);
        assertThat(next.observe(id)).extracting("complete").isEqualTo(true);
        assertThat(host.processes()).hasSize(saved ? 0 : 1);
        if (saved) {
          next.power(context(), id, PowerAction.BOOT);
          pid = pid(next, id);
        }
        assertThat(pid(next, id)).as("point " + point).isEqualTo(pid);
        assertThat(marks()).isEmpty();
        assertThat(point).isLessThan(MOST_POINTS);
      }
    }
    assertThat(point).isGreaterThan(4);
  }

  @Test
  void aCrashAtAnyPointOfRestoringLeavesTheGuestInOnePlace() throws Exception {
    int point = 0;
    boolean crashed = true;
    while (crashed) {
      driver.power(context(), id, PowerAction.SAVE);
      crashed = crashes(PowerAction.BOOT, point++);
      try (QemuMachineDriver next = host.open()) {
        next.apply(context(), id, spec);
        MachineState now = state(next, id);
        assertThat(now).as("point " + point).isIn(MachineState.SAVED, MachineState.RUNNING);
        assertThat(host.processes()).hasSize(now == MachineState.SAVED ? 0 : 1);
        next.power(context(), id, PowerAction.BOOT);
        say("x");
        await().until(() -> said(present(next, id), "x"));
        assertThat(said(present(next, id), "READY")).as("point " + point).isFalse();
        assertThat(marks()).isEmpty();
        assertThat(point).isLessThan(MOST_POINTS);
      }
    }
    assertThat(point).isGreaterThan(4);
  }

  @Test
  void aSavingThatIsCancelledOrHasNoRoomLeavesTheGuestRunning() {
    long pid = pid(driver, id);

    // Begun, then interrupted while the memory is written.
    assertThatThrownBy(() -> driver.power(context().interruptIn(1), id, PowerAction.SAVE))
        .isInstanceOf(N0Exception.class);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThatThrownBy(() -> driver.power(context().exhaustedIn(1), id, PowerAction.SAVE))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED));

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(pid(driver, id)).isEqualTo(pid);
    assertThat(marks()).isEmpty();
  }

  @Test
  void aMemoryThatCannotBeReadKeepsTheMachineSavedAndSaysWhy() throws Exception {
    driver.power(context(), id, PowerAction.SAVE);
    Path memory = host.root.resolve(id.uid().toString()).resolve("memory");
    byte[] good = Files.readAllBytes(memory);
    Files.write(memory, new byte[] {1, 2, 3});

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.power(context(), id, PowerAction.BOOT))
        .withMessageContaining("restore");
    assertThat(state(driver, id)).isEqualTo(MachineState.SAVED);
    assertThat(host.processes()).isEmpty();

    Files.write(memory, good);
    driver.power(context(), id, PowerAction.BOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  private void refused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String why) {
    assertThatThrownBy(call)
        .hasMessageContaining(why)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
  }

  private boolean crashes(PowerAction action, int point) {
    StandaloneContext cx = context().crashAt(point);
    try (QemuMachineDriver dying = host.open()) {
      dying.power(cx, id, action);
      return false;
    } catch (SimulatedCrash crash) {
      return true;
    }
  }

  private List<String> marks() {
    Path machine = host.root.resolve(id.uid().toString());
    return List.of("memory", "saving", "saved", "restored").stream()
        .filter(name -> Files.exists(machine.resolve(name)))
        .toList();
  }

  private void say(String text) throws IOException {
    try (ByteChannel console = driver.openSerial(id)) {
      console.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
    }
  }
}
