package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Linux guest with an agent is quiet while a storage driver works, and thawed whatever happens. */
@Requires({Requirement.ROOT, Requirement.QEMU, Requirement.GUEST_AGENT})
class QuietGuestIT {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final ResourceId ID = ResourceId.fresh("machine", "web1");
  private static final AtomicInteger WORDS = new AtomicInteger();

  @TempDir
  private static Path directory;

  private static Host host;
  private static VolumeStatus data;
  private static MachineSpec spec;
  private static QemuMachineDriver driver;

  private BlockSession session;

  @BeforeAll
  static void boot() throws Exception {
    LinuxGuest guest = LinuxGuest.build();
    host = new Host(directory);
    Path volume = directory.resolve("data.qcow2");
    String base = guest.base().toString();
    Host.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, volume.toString());
    data = new VolumeStatus(volume, ImageFormat.QCOW2, 64 << 20, 0, Optional.of(guest.base()));
    driver = host.open();
    spec = guest.spec("").disk("data").build();
    driver.apply(cx(), ID, spec);
    LinuxGuest.awaitSaid(driver, ID, "N0: READY");
    LinuxGuest.awaitShell(driver, ID);
  }

  private static StandaloneContext cx() {
    return context().with("volume", "data", data);
  }

  @AfterAll
  static void nothingIsLeft() throws Exception {
    driver.delete(context(), ID);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @BeforeEach
  void connect() {
    BlockMonitor blocks = driver.capability(BlockMonitor.class).orElseThrow();
    session = blocks.connect(ID, LIMIT);
    // The agent starts some time after the shell does.
    whileFrozen(() -> {});
  }

  @AfterEach
  void guestIsThawed() {
    session.close();
    awaitSaid(write());
    assertThat(driver.observe(ID)).extracting("complete").isEqualTo(true);
  }

  /** Types what writes to the disk and then says a word; it is not said while the guest is frozen. */
  private static String write() {
    String word = "written" + WORDS.incrementAndGet();
    type("echo > /mnt/f; echo " + word.substring(0, 3) + "''" + word.substring(3));
    return word;
  }

  private static void type(String line) {
    try {
      LinuxGuest.type(driver, ID, line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitSaid(String word) {
    LinuxGuest.awaitSaid(driver, ID, word);
  }

  private static boolean said(String word) {
    return Host.said(Host.present(driver, ID), word);
  }

  @Test
  void nothingIsWrittenWhileWorkIsDone() {
    AtomicBoolean silent = new AtomicBoolean();
    whileFrozen(() -> {
      String word = write();
      pass();
      silent.set(!said(word));
    });

    assertThat(silent).isTrue();
  }

  /** Until it was frozen: on a busy machine the agent may answer too late to be asked. */
  private void whileFrozen(Runnable work) {
    await().atMost(LinuxGuest.BOOT).until(() -> session.quietly(LIMIT, work));
  }

  private static void pass() {
    await().pollDelay(Duration.ofMillis(500)).until(() -> true);
  }

  @Test
  void workThatFailsIsFollowedByThaw() {
    assertThatThrownBy(() -> session.quietly(LIMIT, () -> {
          throw new N0Exception(N0Exception.Code.BUSY, "disk", "no");
        }))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
  }

  @Test
  void guestIsThawedAtTheLimitAndThatIsTold() {
    boolean frozen = session.quietly(Duration.ofSeconds(2), () -> awaitSaid(write()));

    assertThat(frozen).isFalse();
  }

  @Test
  void agentThatDoesNotAnswerDoesNotPreventTheWork() {
    AtomicInteger times = new AtomicInteger();
    type("killall -STOP qemu-ga; echo STOP''PED");
    awaitSaid("STOPPED");
    try {
      assertThat(session.quietly(LIMIT, times::incrementAndGet)).isFalse();
    } finally {
      type("killall -CONT qemu-ga");
    }
    assertThat(times).hasValue(1);
  }

  @Test
  void guestThatStandsStillIsNotAsked() {
    AtomicInteger times = new AtomicInteger();
    driver.power(cx(), ID, PowerAction.PAUSE);
    try {
      assertThat(session.quietly(LIMIT, times::incrementAndGet)).isFalse();
    } finally {
      driver.power(cx(), ID, PowerAction.RESUME);
    }
    assertThat(times).hasValue(1);
  }

  @Test
  void whoeverLooksAtTheMachineMeanwhileDoesNotThawIt() {
    List<CompletableFuture<Void>> looks = new CopyOnWriteArrayList<>();
    AtomicBoolean waited = new AtomicBoolean();
    whileFrozen(() -> {
      CompletableFuture<Void> look = CompletableFuture.runAsync(() -> driver.apply(cx(), ID, spec));
      looks.add(look);
      pass();
      waited.set(!look.isDone());
    });

    assertThat(waited).isTrue();
    assertThat(looks).allSatisfy(look -> assertThat(look).succeedsWithin(LIMIT));
  }

  @Test
  void guestOfAProcessThatDiedIsThawedByTheNextLook() {
    dieWhileItIsFrozen();
    assertThat(driver.observe(ID)).extracting("complete").isEqualTo(false);
    driver.apply(cx(), ID, spec);
    assertThat(driver.observe(ID)).extracting("complete").isEqualTo(true);
    awaitSaid(write());

    dieWhileItIsFrozen();
    whileFrozen(() -> {});
  }

  private static void dieWhileItIsFrozen() {
    // On a busy machine the agent may answer a process that has just started too late to be asked.
    await().atMost(LinuxGuest.BOOT).until(QuietGuestIT::diedWhileItWasFrozen);
    String word = write();
    await().during(Duration.ofMillis(500)).until(() -> !said(word));
  }

  private static boolean diedWhileItWasFrozen() throws Exception {
    Process process =
        KilledAgentIT.java(DyingQuiet.class, directory.toString(), ID.uid().toString());
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).isEqualTo(DyingQuiet.STATUS);
    return !((Observed.Present<?>) driver.observe(ID)).complete();
  }
}
