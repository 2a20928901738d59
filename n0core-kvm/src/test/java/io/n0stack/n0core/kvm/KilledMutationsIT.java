package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills agents while they plug, unplug, pause, resume, reset, reboot, turn off and boot one machine. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledMutationsIT {
  private static final int MUTATIONS = 25; // 200 with N0CORE_REPEAT=800
  private static final int LONGEST_CALL_MILLIS = 600;
  private static final List<String> PARTS = List.of("a", "b", "c", "d", "e", "eth0", "eth1");
  private static final Set<PowerAction> SAME_PROCESS =
      Set.of(PowerAction.PAUSE, PowerAction.RESUME, PowerAction.HARD_REBOOT);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final ResourceId bystander = ResourceId.fresh("machine", "bystander");
  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private final List<Process> agents = new ArrayList<>();
  private Board board;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    board = Board.make(directory, id, 2);
    board.make("a", "b", "c", "d", "e");
    driver = board.open(OneMutation.PATIENCE);
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    for (Process agent : agents) {
      agent.destroyForcibly().waitFor();
    }
    driver.delete(Host.context(), id);
    driver.delete(Host.context(), bystander);
    List<String> left = board.host.residue();
    board.remove();
    assertThat(left).isEmpty();
  }

  @Test
  void noMachineIsLostAndNoDeviceIsDoubledOrLeft() throws Exception {
    String desired = "apply a d eth0";
    driver.apply(board.cx(), bystander, board.host.nano(Chipset.PC).build());
    driver.apply(board.cx(), id, OneMutation.spec(board, desired));
    long bystanders = pid(driver, bystander);
    int cutShort = 0;
    Process next = agent();
    int mutations = Repetition.of(MUTATIONS);
    for (int i = 0; i < mutations; i++) {
      String mutation = mutation();
      String at = "seed " + seed + ", mutation " + i + ": " + mutation + " after " + desired;
      desired = mutation.startsWith("apply") ? mutation : desired;
      long before = pid(driver, id);
      Process victim = next;
      if (killed(victim, mutation)) {
        cutShort++;
      }
      next = agent();
      assertAnswersAreItsOwn(at);
      if (mutation.startsWith("apply") || SAME_PROCESS.contains(PowerAction.valueOf(mutation))) {
        assertThat(pid(driver, id)).as(at).isEqualTo(before);
      }
      settle(at, OneMutation.spec(board, desired));
      assertExactly(at, OneMutation.names(desired));
      assertThat(pid(driver, bystander)).as(at).isEqualTo(bystanders);
    }
    assertThat(cutShort).as("mutations that were cut short, seed " + seed).isPositive();
  }

  private String mutation() {
    List<PowerAction> actions = List.of(
        PowerAction.PAUSE,
        PowerAction.RESUME,
        PowerAction.REBOOT,
        PowerAction.HARD_REBOOT,
        PowerAction.HARD_SHUTDOWN);
    if (random.nextInt(3) == 0) {
      return actions.get(random.nextInt(actions.size())).name();
    }
    return PARTS.stream()
        .filter(part -> random.nextBoolean())
        .collect(Collectors.joining(" ", "apply ", ""));
  }

  private Process agent() throws IOException {
    Process agent = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-cp",
            KilledAgentIT.classPath(),
            OneMutation.class.getName(),
            directory.toString(),
            id.name(),
            id.uid().toString())
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
    agents.add(agent);
    return agent;
  }

  private boolean killed(Process agent, String mutation) throws Exception {
    assertThat(agent.inputReader().readLine()).isEqualTo("ready");
    agent.getOutputStream().write((mutation + "\n").getBytes(StandardCharsets.US_ASCII));
    agent.getOutputStream().flush();
    assertThat(agent.inputReader().readLine()).isEqualTo("go");
    boolean ended = agent.waitFor(random.nextInt(LONGEST_CALL_MILLIS), TimeUnit.MILLISECONDS);
    agent.destroyForcibly().waitFor();
    return !ended;
  }

  /** The answer to the dead agent's last command comes first, to whoever connects next. */
  private void assertAnswersAreItsOwn(String at) {
    if (Host.present(driver, id).pid().isEmpty()) {
      return;
    }
    try (QmpClient qmp = board.qmp(driver, id)) {
      for (int i = 0; i < 3; i++) {
        assertThat(qmp.execute("query-uuid", Board.LIMIT).text("/UUID"))
            .as(at)
            .isEqualTo(id.uid().toString());
        assertThat(qmp.execute("query-name", Board.LIMIT).text("/name")).as(at).isEqualTo("web1");
        assertThat(qmp.execute("query-status", Board.LIMIT).find("/running"))
            .as(at)
            .isPresent();
      }
    }
  }

  /** Does what an agent does that comes after: nothing but to apply, and what its user would do besides. */
  private void settle(String at, MachineSpec spec) throws Exception {
    await(at).atMost(PATIENCE).until(() -> driver.observe(id) instanceof Observed.Present<?>);
    if (state(driver, id) == MachineState.PAUSED) {
      driver.power(board.cx(), id, PowerAction.RESUME);
    } else if (state(driver, id) == MachineState.SHUTDOWN) {
      driver.power(board.cx(), id, PowerAction.BOOT);
    }
    try {
      driver.apply(board.cx(), id, spec);
    } catch (N0Exception e) {
      assertThat(e.code()).as("%s: %s", at, e).isEqualTo(N0Exception.Code.BUSY);
      driver.power(board.cx(), id, PowerAction.HARD_REBOOT); // which releases what the guest keeps
      await(at)
          .atMost(PATIENCE)
          .until(() -> Host.present(driver, id).unplugging().isEmpty());
      driver.apply(board.cx(), id, spec);
    }
    assertThat(state(driver, id)).as(at).isEqualTo(MachineState.RUNNING);
    assertThat(driver.observe(id)).as(at).extracting("complete").isEqualTo(true);
  }

  private void assertExactly(String at, Set<String> names) throws IOException {
    Set<String> nics = names.stream().filter(n -> n.startsWith("eth")).collect(Collectors.toSet());
    Set<String> disks = new TreeSet<>(names);
    disks.removeAll(nics);
    try (QmpClient qmp = board.qmp(driver, id)) {
      assertThat(Board.parts(qmp)).as(at).isEqualTo(Board.expected(disks, nics));
      List<String> onPci = Board.pci(qmp).stream()
          .map(place -> place.substring(place.indexOf(' ') + 1))
          .filter(device -> !device.equals("scsi0"))
          .toList();
      Set<String> expected = names.stream()
          .filter(n -> n.compareTo("d") >= 0)
          .map(n -> (n.startsWith("eth") ? "nic-" : "disk-") + n)
          .collect(Collectors.toSet());
      assertThat(onPci).as(at).containsExactlyInAnyOrderElementsOf(expected);
      assertThat(Board.children(qmp, "/machine/peripheral-anon")).as(at).isEmpty();
    }
    assertThat(images(pid(driver, id))).as(at).containsExactlyInAnyOrderElementsOf(disks);
    assertThat(taps(pid(driver, id))).as(at).isEqualTo(nics.size());
    await(at)
        .atMost(PATIENCE)
        .until(() -> board.host.processes().stream()
            .filter(pid -> agents.stream().noneMatch(agent -> agent.pid() == pid))
            .collect(Collectors.toSet())
            .equals(Set.of(pid(driver, id), pid(driver, bystander))));
  }

  private List<String> images(long pid) throws IOException {
    return open(pid).stream()
        .filter(file -> file.startsWith(directory.toString()) && file.endsWith(".qcow2"))
        .map(file -> file.substring(file.lastIndexOf('/') + 1).replace(".qcow2", ""))
        .toList();
  }

  private static long taps(long pid) throws IOException {
    return open(pid).stream().filter("/dev/net/tun"::equals).count();
  }

  private static List<String> open(long pid) throws IOException {
    List<String> files = new ArrayList<>();
    try (DirectoryStream<Path> all =
        Files.newDirectoryStream(Path.of("/proc", String.valueOf(pid), "fd"))) {
      for (Path descriptor : all) {
        files.add(Files.readSymbolicLink(descriptor).toString());
      }
    }
    return files;
  }
}
