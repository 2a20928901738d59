package io.n0stack.n0core.kvm.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real agent, shut in namespaces of its own and without the commands that would touch this host. */
@Requires({Requirement.ROOT, Requirement.GUEST_AGENT})
class GuestAgentIT {
  private static final String DENIED = "guest-shutdown,guest-suspend-disk,guest-suspend-ram,"
      + "guest-suspend-hybrid,guest-fsfreeze-freeze,guest-fsfreeze-freeze-list,guest-fstrim,"
      + "guest-set-time,guest-set-vcpus,guest-set-memory-blocks,guest-set-user-password";
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir
  Path directory;

  private Process process;
  private GuestAgent agent;

  @BeforeEach
  void start() throws IOException {
    Path socket = directory.resolve("agent");
    process = new ProcessBuilder(
            "unshare",
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "qemu-ga",
            "--method",
            "unix-listen",
            "--path",
            socket.toString(),
            "--statedir",
            directory.toString(),
            "--blacklist",
            DENIED)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("log").toFile())
        .start();
    // There is a socket before anybody listens at it.
    agent = await()
        .atMost(LIMIT)
        .ignoreExceptionsMatching(e -> process.isAlive()
            && e instanceof N0Exception refused
            && refused.code() == N0Exception.Code.UNAVAILABLE)
        .until(this::connect, connected -> true);
  }

  private GuestAgent connect() {
    return GuestAgent.connect(
        "web1",
        directory.resolve("agent"),
        GuestAgentOptions.defaults().withSync(LIMIT).withCommand(LIMIT));
  }

  @AfterEach
  void stop() throws InterruptedException {
    if (agent != null) {
      agent.close();
    }
    // All in its process namespace go along, and its parent, which waits for it, ends by itself.
    process.children().forEach(ProcessHandle::destroyForcibly);
    process.waitFor();
  }

  @Test
  void systemIsDescribed() throws Exception {
    agent.ping();
    AgentInfo info = agent.info();
    assertThat(info.version()).matches("[0-9]+\\..*");
    assertThat(info.supports("guest-exec")).isTrue();
    assertThat(info.supports("guest-shutdown")).isFalse();
    assertThat(info.supports("guest-no-such")).isFalse();
    assertThat(agent.system().hostName())
        .isEqualTo(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip());
    assertThat(agent.system().osInfo().kernelRelease())
        .contains(Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
    assertThat(agent.system().time())
        .isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(60));
    assertThat(agent.system().networkInterfaces())
        .extracting(NetworkInterface::name)
        .containsExactly("lo");
    assertThat(agent.system().vcpus())
        .hasSize(Runtime.getRuntime().availableProcessors())
        .allMatch(Vcpu::online);
    assertThat(agent.fileSystems().isFrozen()).isFalse();
    assertThat(agent.fileSystems().thaw()).isZero();
  }

  @Test
  void deniedCommandIsARefusal() {
    assertThatThrownBy(() -> agent.system().shutdown(GuestSystem.Ending.POWERDOWN))
        .isInstanceOf(GuestAgentException.class);
    assertThatThrownBy(() -> agent.fileSystems().frozen(LIMIT, () -> "never"))
        .isInstanceOf(GuestAgentException.class);
    assertThatThrownBy(() -> agent.execute("guest-no-such", Map.of()))
        .isInstanceOfSatisfying(
            GuestAgentException.class,
            e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
    agent.ping();
  }

  @Test
  void processRunsWithInputEnvironmentAndLimitedOutput() {
    ExecRequest request = ExecRequest.of(
            "/bin/sh", "-c", "cat; echo \"$GREETING $1\"; exit 7", "sh", "a b\n'\"")
        .withEnvironment(Map.of("GREETING", "gr\u00fc\u00df"))
        .withInput("in ".getBytes(StandardCharsets.UTF_8));

    ExecStatus status = agent.processes().run(request, LIMIT);

    assertThat(status.exitCode()).hasValue(7);
    assertThat(status.outputText()).isEqualTo("in gr\u00fc\u00df a b\n'\"\n");
    assertThat(status.truncated()).isFalse();
    ExecStatus cut = agent.processes().run(request.withOutputBytes(2), LIMIT);
    assertThat(cut.outputText()).isEqualTo("in");
    assertThat(cut.truncated()).isTrue();
  }

  @Test
  void processThatDoesNotEndIsATimeoutAndASignalIsTold() {
    ExecRequest sleep = ExecRequest.of("/bin/sleep", "600");
    assertThatThrownBy(() -> agent.processes().run(sleep, Duration.ofMillis(50)))
        .isInstanceOf(OperationTimeoutException.class);
    assertThat(agent
            .processes()
            .run(ExecRequest.of("/bin/sh", "-c", "kill -KILL $$"), LIMIT)
            .signal())
        .hasValue(9);
    assertThatThrownBy(() -> agent.processes().start(ExecRequest.of("/no/such")))
        .isInstanceOf(GuestAgentException.class);
  }

  @Test
  void filesAreWrittenReadAndLimited() throws Exception {
    byte[] content = new byte[200_000];
    new Random(5).nextBytes(content);
    Path file = directory.resolve("file, with \"quotes\"");

    agent.files().write(file.toString(), content);

    assertThat(Files.readAllBytes(file)).isEqualTo(content);
    assertThat(agent.files().read(file.toString(), content.length)).isEqualTo(content);
    assertThatThrownBy(() -> agent.files().read(file.toString(), content.length - 1))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED));
    try (GuestFile open = agent.files().open(file.toString(), GuestFiles.Mode.UPDATE)) {
      open.seek(199_999);
      assertThat(open.read(16)).containsExactly(content[199_999]);
      assertThat(open.read(16)).isEmpty();
    }
    assertThatThrownBy(() -> agent.files().open("/no/such", GuestFiles.Mode.READ))
        .isInstanceOf(GuestAgentException.class);
  }

  @Test
  void successorIsServedAfterPredecessorDiedInMidCommand() throws Exception {
    for (int i = 0; i < 20; i++) {
      GuestAgent dying = agent;
      Thread asking = new Thread(() -> {
        try {
          dying.files().read("/proc/self/maps", 1 << 20);
        } catch (N0Exception e) {
          assertThat(e).isNotNull(); // its connection is closed below
        }
      });
      asking.start();
      dying.close();
      asking.join();
      agent = connect();
      assertThat(agent.system().hostName())
          .isEqualTo(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip());
    }
  }

  @Test
  void stoppedAgentIsBusyAndServesAfterwards() throws Exception {
    ProcessHandle real = process.children().findFirst().orElseThrow();
    signal("STOP", real.pid());
    try {
      assertThatThrownBy(() -> agent.execute("guest-ping", Map.of(), Duration.ofMillis(200)))
          .isInstanceOf(OperationTimeoutException.class);
    } finally {
      signal("CONT", real.pid());
    }
    assertThat(agent.system().hostName()).isNotEmpty();
  }

  private static void signal(String signal, long pid) throws Exception {
    assertThat(new ProcessBuilder("kill", "-" + signal, String.valueOf(pid))
            .start()
            .waitFor())
        .isZero();
  }
}
