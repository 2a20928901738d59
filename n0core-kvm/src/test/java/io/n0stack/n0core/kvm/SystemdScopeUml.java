package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.LaunchConfig.Scope;
import io.n0stack.n0core.tck.child.ChildJvm;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Machines in scopes of a systemd that really runs. */
@InUserModeLinux
class SystemdScopeUml {
  private static final Path GROUPS = Path.of("/sys/fs/cgroup");
  private static final Duration LONG = Duration.ofMinutes(3);

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    driver = open(host.root);
  }

  static QemuMachineDriver open(Path root) {
    return new QemuMachineDriver(KvmConfig.of(root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withScope(Scope.SYSTEMD)));
  }

  @AfterEach
  void delete() {
    driver.delete(context(), id);
  }

  @Test
  void theLimitsAreThoseOfTheScopeAndItGoesWithTheMachine() throws Exception {
    Limits limits =
        new Limits(Optional.of(1500), Optional.of(256L << 20), Optional.of(64), Optional.empty());

    driver.apply(context(), id, host.nano(Chipset.PC).limits(limits).build());

    Path scope = scope();
    assertThat(scope.getFileName().toString())
        .startsWith("n0core-" + id.uid() + "-run.")
        .endsWith(".scope");
    assertThat(scope.resolve("cpu.max")).hasContent("150000 100000");
    assertThat(scope.resolve("memory.max")).hasContent("268435456");
    assertThat(scope.resolve("pids.max")).hasContent("64");
    await().atMost(LONG).until(() -> Host.said(present(driver, id), "N0: READY"));
    driver.delete(context(), id);
    await().atMost(LONG).until(() -> Files.notExists(scope));
  }

  private Path scope() throws IOException {
    String groups = Files.readString(Path.of("/proc", String.valueOf(pid(driver, id)), "cgroup"));
    assertThat(groups).startsWith("0::/");
    return GROUPS.resolve(groups.strip().substring("0::/".length()));
  }

  @Test
  void aMachineOutlivesTheServiceThatCreatedIt() throws Exception {
    String service = "agent-" + UUID.randomUUID();
    Path log = Files.createFile(directory.resolve("agent.log"));
    Host.run(
        "systemd-run",
        "--quiet",
        "--unit=" + service,
        "--property=Type=exec",
        "--property=StandardOutput=file:" + log,
        "--property=StandardError=file:" + log,
        ChildJvm.java().toString(),
        "-Xmx128m",
        "-XX:TieredStopAtLevel=1",
        "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
        "-cp",
        ChildJvm.classPath(),
        Creating.class.getName(),
        directory.toString(),
        id.uid().toString());
    await()
        .atMost(LONG)
        .untilAsserted(() ->
            assertThat(directory.resolve("created")).as(Files.readString(log)).exists());
    long before = pid(driver, id);
    long swtpm =
        Long.parseLong(Files.readString(present(driver, id).serialLog().resolveSibling("tpm.pid"))
            .strip());

    Host.run("systemctl", "stop", service);

    assertThat(Files.readString(Path.of("/proc", String.valueOf(swtpm), "comm")))
        .isEqualTo("swtpm\n");
    assertThat(GROUPS.resolve("system.slice/" + service + ".service")).doesNotExist();
    assertThat(pid(driver, id)).isEqualTo(before);
    await().atMost(LONG).until(() -> Host.said(present(driver, id), "N0: READY"));
  }

  /** An agent that is a service: it creates a machine and stays. */
  static final class Creating {
    private Creating() {}

    public static void main(String[] arguments) throws Exception {
      Path directory = Path.of(arguments[0]);
      Host host = Host.existing(directory);
      ResourceId id = new ResourceId("machine", "web1", UUID.fromString(arguments[1]));
      open(host.root)
          .apply(
              context(),
              id,
              host.nano(Chipset.PC)
                  .hardware(Hardware.standard().withTpm(Hardware.Tpm.VERSION_2_0))
                  .build());
      Files.createFile(directory.resolve("created"));
      Thread.currentThread().join();
    }
  }
}
