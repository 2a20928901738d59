package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.ManyMutations.Mutation;
import io.n0stack.n0core.kvm.ManyMutations.Way;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills agents in the middle of what they do to many machines at once. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledMutationsIT {
  private static final int MUTATIONS = Repetition.of(200);
  private static final int MOST_KILLS = 100 + MUTATIONS;
  private static final int LONGEST_MILLIS = 600;
  private static final List<Way> WAYS = List.of(
      Way.POWER,
      Way.POWER,
      Way.DEVICES,
      Way.DEVICES,
      Way.PAUSE,
      Way.SNAPSHOT,
      Way.MIGRATE,
      Way.MIGRATE);
  // What only makes the next one possible, and is interrupted too, does not count.
  private static final Map<Mutation, String> COUNTED = Map.ofEntries(
      Map.entry(Mutation.BOOT, "boot"),
      Map.entry(Mutation.REBOOT, "boot"),
      Map.entry(Mutation.PLUG, "plug"),
      Map.entry(Mutation.UNPLUG, "unplug"),
      Map.entry(Mutation.GROW, "plug"),
      Map.entry(Mutation.PAUSE, "pause"),
      Map.entry(Mutation.RESUME, "pause"),
      Map.entry(Mutation.TAKE_DISKS, "snapshot"),
      Map.entry(Mutation.TAKE_MEMORY, "snapshot"),
      Map.entry(Mutation.REVERT, "snapshot"),
      Map.entry(Mutation.MIGRATE, "migrate"));
  private static final int KINDS = 6;
  private static final int LEAST_OF_EACH = Math.max(1, MUTATIONS / 20);

  @TempDir
  Path directory;

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private final List<Process> agents = new ArrayList<>();
  private final List<MutatedMachine> machines = new ArrayList<>();
  private final ExecutorService atOnce = Executors.newFixedThreadPool(WAYS.size());
  private final Map<Mutation, Integer> cutShort = new EnumMap<>(Mutation.class);
  private Lanes lanes;
  private Map<String, QemuMachineDriver> drivers;

  @BeforeEach
  void prepare() throws Exception {
    lanes = Lanes.make(directory, WAYS.size());
    drivers = Map.of("left", lanes.open("left"), "right", lanes.open("right"));
    for (int lane = 0; lane < WAYS.size(); lane++) {
      machines.add(new MutatedMachine(lanes, drivers, lane));
    }
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    for (Process agent : agents) {
      agent.destroyForcibly().waitFor();
    }
    atOnce.shutdownNow();
    assertThat(atOnce.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
    List<String> left = new ArrayList<>();
    drivers.forEach((host, driver) -> {
      driver.list().forEach(id -> driver.delete(Host.context(), id));
      driver.close();
      left.addAll(Lanes.on(host, lanes.hosts).residue());
    });
    lanes.remove();
    assertThat(left).isEmpty();
  }

  @Test
  void noMachineIsLostOrRunsTwiceAndNoDeviceIsDoubledOrLeft() throws Exception {
    ResourceId bystander = lanes.id(WAYS.size());
    Lanes.on("left", drivers).apply(Host.context(), bystander, lanes.spec(Set.of()));
    long bystanders = pid(Lanes.on("left", drivers), bystander);
    all(MutatedMachine::create);
    Process next = agent();
    int kills = 0;
    while (!enough()) {
      assertThat(++kills).as("seed %s: %s", seed, cutShort).isLessThan(MOST_KILLS);
      String at = "seed " + seed + ", kill " + kills;
      Process victim = next;
      List<String> said = killed(victim);
      next = agent();
      for (MutatedMachine machine : machines) {
        machine.heard(at, said);
        machine.cutShort().ifPresent(mutation -> cutShort.merge(mutation, 1, Integer::sum));
      }
      all(MutatedMachine::settle);
      assertThat(Lanes.on("left", drivers).observe(bystander)).as(at).isNotNull();
      assertThat(pid(Lanes.on("left", drivers), bystander)).as(at).isEqualTo(bystanders);
      assertNoOthersRun(at, bystanders);
    }
    long strangers = machines.stream().mapToLong(MutatedMachine::strangers).sum();
    System.out.println("seed " + seed + ": " + kills + " kills, in the middle of " + cutShort
        + ", after which " + strangers + " answers came to the wrong one and were dropped");
  }

  /** Says whether enough were cut short in all, and of each kind. */
  private boolean enough() {
    Map<String, Integer> counts = counts();
    return counts.values().stream().mapToInt(n -> n).sum() >= MUTATIONS
        && counts.size() == KINDS
        && counts.values().stream().allMatch(count -> count >= LEAST_OF_EACH)
        && cutShort
            .keySet()
            .containsAll(Set.of(Mutation.TAKE_DISKS, Mutation.TAKE_MEMORY, Mutation.GROW));
  }

  private Map<String, Integer> counts() {
    Map<String, Integer> counts = new TreeMap<>();
    cutShort.forEach((mutation, count) -> {
      if (COUNTED.containsKey(mutation)) {
        counts.merge(COUNTED.get(mutation), count, Integer::sum);
      }
    });
    return counts;
  }

  private interface Action {
    void on(MutatedMachine machine) throws Exception;
  }

  private void all(Action action) throws Exception {
    List<Future<?>> futures = new ArrayList<>();
    for (MutatedMachine machine : machines) {
      futures.add(atOnce.submit(() -> {
        action.on(machine);
        return machine;
      }));
    }
    for (Future<?> future : futures) {
      Object unused = future.get(3, TimeUnit.MINUTES);
    }
  }

  private Process agent() throws IOException {
    Process agent = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-Xmx128m",
            "-cp",
            KilledAgentIT.classPath(),
            ManyMutations.class.getName(),
            directory.toString(),
            String.valueOf(WAYS.size()))
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .redirectOutput(said(agents.size()).toFile())
        .start();
    agents.add(agent);
    return agent;
  }

  /** Has an agent change all machines, kills it at some moment, and returns what it has said by then. */
  private List<String> killed(Process agent) throws Exception {
    List<Way> ways = new ArrayList<>(WAYS);
    Collections.shuffle(ways, random);
    StringBuilder orders = new StringBuilder();
    for (MutatedMachine machine : machines) {
      orders.append(machine.order(ways.remove(0), random.nextLong())).append('\n');
    }
    // To a file: from a pipe what came last could be lost with the process.
    Path out = said(agents.indexOf(agent));
    awaitLine(out, "ready");
    agent.getOutputStream().write((orders + "\n").getBytes(StandardCharsets.US_ASCII));
    agent.getOutputStream().flush();
    awaitLine(out, "go");
    assertThat(agent.waitFor(random.nextInt(LONGEST_MILLIS), TimeUnit.MILLISECONDS))
        .as("the agents have ended by themselves")
        .isFalse();
    agent.destroyForcibly().waitFor();
    return Files.readAllLines(out).stream().filter(line -> line.contains(" ")).toList();
  }

  private Path said(int agent) {
    return directory.resolve("agent" + agent);
  }

  private static void awaitLine(Path file, String line) {
    await(line)
        .atMost(MutatedMachine.PATIENCE)
        .pollInterval(Duration.ofMillis(5))
        .until(() -> Files.readAllLines(file).contains(line));
  }

  private void assertNoOthersRun(String at, long bystanders) {
    Set<Long> expected = new HashSet<>(Set.of(bystanders));
    machines.forEach(machine -> expected.add(machine.pid()));
    await(at).atMost(MutatedMachine.PATIENCE).untilAsserted(() -> {
      Set<Long> running = new HashSet<>();
      lanes.hosts.values().forEach(host -> running.addAll(host.processes()));
      assertThat(running).isEqualTo(expected);
    });
  }
}
