package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs in the place of qemu-img that do what it should never do. */
@Requires(Requirement.QEMU)
class ConfinedIT {
  private static final Run MINUTE = Run.within(Duration.ofMinutes(1));

  @TempDir
  Path directory;

  @Test
  void theVersionIsRead() {
    assertThat(QemuImg.installed().version()).matches("\\d+\\.\\d+.*");
  }

  @Test
  void whatIsNotInstalledIsSaid() {
    QemuImg missing = new QemuImg(Settings.standard().withProgram("no-such-qemu-img"));

    assertThatThrownBy(missing::version)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED))
        .hasMessageContaining("install qemu-utils");
  }

  @Test
  void aRunThatIgnoresSignalsAndForksIsKilledWithItsChildrenWhenItsTimeIsUp() throws IOException {
    Path pids = directory.resolve("pids");
    QemuImg hostile = hostile("trap '' TERM INT HUP\n"
        + "for i in 1 2 3; do sleep 601 & echo $! >> '" + pids + "'; done\n"
        + "(trap '' TERM; sleep 601) &\n"
        + "echo $! >> '" + pids + "'\necho $$ >> '" + pids + "'\n"
        + "while :; do sleep 601; done\n");

    // Until there was time enough for all five to start.
    for (int millis = 700; millis < 60_000 && written(pids) < 5; millis *= 3) {
      Run brief = Run.within(Duration.ofMillis(millis));
      Files.deleteIfExists(pids);
      assertThatThrownBy(() -> create(hostile, brief))
          .isInstanceOf(OperationTimeoutException.class);
    }

    assertGone(pids, 5);
  }

  @Test
  void aListenerEndsARunByThrowing() throws IOException {
    Path pids = directory.resolve("pids");
    QemuImg hung =
        hostile("echo $$ > '" + pids + "'\nprintf '    (12.50/100%%)\\r'\nexec sleep 601\n");
    AtomicInteger calls = new AtomicInteger();

    assertThatThrownBy(() -> create(hung, MINUTE.reporting(fraction -> {
          if (fraction > 0) {
            assertThat(fraction).isEqualTo(0.125);
            calls.incrementAndGet();
            throw new CancellationException("enough");
          }
        })))
        .isInstanceOf(CancellationException.class);

    assertThat(calls).hasValue(1);
    assertGone(pids, 1);
  }

  @Test
  void aRunIsKilledWhenItsThreadIsInterrupted() throws IOException {
    Path pids = directory.resolve("pids");
    QemuImg hung = hostile("sleep 601 &\necho $! > '" + pids + "'\necho $$ >> '" + pids + "'\n"
        + "printf '    (1.00/100%%)\\r'\nexec sleep 601\n");
    Run interrupting = MINUTE.reporting(fraction -> {
      if (fraction > 0) {
        Thread.currentThread().interrupt();
      }
    });

    cancelled(hung, interrupting);

    assertGone(pids, 2);
    assertThat(ProcessHandle.current().children()).isEmpty();
  }

  @Test
  void nothingIsRunOnAThreadThatIsInterrupted() throws IOException {
    Path run = directory.resolve("run");
    QemuImg spy = hostile("touch '" + run + "'\n");
    Thread.currentThread().interrupt();

    cancelled(spy, MINUTE);

    assertThat(run).doesNotExist();
  }

  private void cancelled(QemuImg qemuImg, Run run) {
    assertThatThrownBy(() -> create(qemuImg, run))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void whoHoldsThePipesAfterTheEndIsKilled() throws IOException {
    Path pids = directory.resolve("pids");
    QemuImg leaky = hostile("sleep 601 &\necho $! > '" + pids + "'\nexit 0\n");
    long start = System.nanoTime();

    create(leaky, MINUTE);

    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
    assertGone(pids, 1);
  }

  @Test
  void whoIsLeftOfTheGroupIsKilledThoughItHoldsNoPipe() throws IOException {
    Path pids = directory.resolve("pids");
    QemuImg leaky = hostile("sleep 601 > /dev/null 2>&1 &\necho $! > '" + pids + "'\nexit 0\n");

    create(leaky, MINUTE);

    assertGone(pids, 1);
  }

  @Test
  void aFloodOfOutputIsCutAndFailureCarriesCodeAndText() throws IOException {
    QemuImg noisy = hostile(
        "head -c 20000000 /dev/zero &\nhead -c 5000000 /dev/zero | tr '\\0' x >&2\nwait\nexit 7\n");

    assertThatThrownBy(() -> create(noisy, MINUTE))
        .isInstanceOfSatisfying(QemuImgException.class, e -> {
          assertThat(e.exitCode()).isEqualTo(7);
          assertThat(e.stderr()).hasSize(64 << 10);
          assertThat(e.code()).isEqualTo(N0Exception.Code.INTERNAL);
        });
  }

  @Test
  void whatAFailedRunHasMadeIsUnlinked() throws IOException {
    QemuImg failing = hostile("echo half > '" + directory.resolve("disk") + "'\nexit 1\n");

    assertThatThrownBy(() -> create(failing, MINUTE)).isInstanceOf(QemuImgException.class);

    assertThat(directory.resolve("disk")).doesNotExist();
  }

  @Test
  void theProcessHasNeitherOurEnvironmentNorOurRightsNorAnEnd() throws IOException {
    Path log = directory.resolve("log");
    QemuImg spy =
        hostile("{ env; cat /proc/self/status /proc/self/limits; pwd; umask; ps -o sid= -p $$;"
            + " echo pid $$; readlink /proc/self/fd/0; } > '" + log + "'\n");

    create(spy, MINUTE);

    String seen = Files.readString(log);
    assertThat(seen)
        .contains("LC_ALL=C\n", "NoNewPrivs:\t1\n", "\n/\n0077\n", "\n/dev/null\n")
        .contains("CapEff:\t0000000000000000", "CapPrm:\t0000000000000000")
        .containsPattern("Max core file size +0 +0 ")
        .containsPattern("Max address space +4294967296 +4294967296 ")
        .containsPattern("Max cpu time +86400 +86400 ")
        .containsPattern("0077\n *(\\d+)\npid \\1\n")
        .doesNotContain("HOME=", "JAVA");
  }

  @Test
  @Requires(Requirement.ROOT)
  void onlyTheRightToOpenAnyFileIsKeptIfAskedFor() throws IOException {
    Path log = directory.resolve("log");
    Path program = script("cat /proc/self/status > '" + log + "'\n");

    create(
        new QemuImg(Settings.standard()
            .withProgram(program.toString())
            .withAccess(Settings.Access.ANY_FILES)),
        MINUTE);

    assertThat(Files.readString(log)).contains("CapEff:\t0000000000000002");
  }

  @Test
  void limitsEndARun() throws IOException {
    Path spinning = script("while :; do :; done\n");
    Limits second = new Limits(1 << 30, Duration.ofSeconds(1), Limits.standard().fileBytes());

    assertThatThrownBy(() -> create(
            new QemuImg(Settings.standard().withProgram(spinning.toString()).withLimits(second)),
            MINUTE))
        .isInstanceOfSatisfying(QemuImgException.class, e -> {
          assertThat(e.exitCode()).isEqualTo(137);
          assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED);
        });
    assertThatThrownBy(() -> new QemuImg(
                Settings.standard().withLimits(Limits.standard().withFileBytes(1 << 20)))
            .create(
                directory.resolve("disk"), new NewImage.Raw(Preallocation.FULL), 2 << 20, MINUTE))
        .isInstanceOf(QemuImgException.class);
    assertThat(directory.resolve("disk")).doesNotExist();
  }

  @Test
  void aToolThatCannotConfineIsAnErrorAndNothingIsRun() throws IOException {
    Path run = directory.resolve("run");
    script("touch '" + run + "'\n");
    Path fake = Files.createDirectory(directory.resolve("bin"));
    Images.script(fake.resolve("setpriv"), "echo 'setpriv: unrecognized option' >&2\nexit 1\n");

    String output = Images.run(List.of(
        "env",
        "PATH=" + fake + ":" + System.getenv("PATH"),
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        Images.classPath(),
        VersionPrinter.class.getName(),
        directory.resolve("qemu-img").toString()));

    assertThat(output).contains("UNSUPPORTED", "cannot be confined");
    assertThat(run).doesNotExist();
  }

  private static int written(Path pids) throws IOException {
    return Files.exists(pids) ? Files.readAllLines(pids).size() : 0;
  }

  private void assertGone(Path pids, int expected) throws IOException {
    List<String> lines = Files.readAllLines(pids);
    assertThat(lines).hasSize(expected);
    for (String pid : lines) {
      // Whoever adopts it reaps it in its own time.
      await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> Processes.isGone(Long.parseLong(pid.strip())));
    }
  }

  private void create(QemuImg qemuImg, Run run) {
    qemuImg.create(directory.resolve("disk"), NewImage.Qcow2.standard(), 1 << 20, run);
  }

  private QemuImg hostile(String body) throws IOException {
    return new QemuImg(Settings.standard().withProgram(script(body).toString()));
  }

  private Path script(String body) throws IOException {
    return Images.script(directory.resolve("qemu-img"), body);
  }
}
