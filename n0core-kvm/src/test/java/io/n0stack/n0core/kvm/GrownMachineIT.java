package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Linux guest gets processors and memory while it runs, and takes them along to another host. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class GrownMachineIT {
  private static final long MIB = 1 << 20;
  private static final long BASE = 256;
  private static final long STEP = 128;
  private static final int MOST = 24;

  /** Debian's kernel leaves it to the system whether what was plugged is used. */
  private static final String WORDS = "n0.noagent=1 memhp_default_state=online";

  private static final String COUNT = "for c in /sys/devices/system/cpu/cpu*/online; do"
      + " [ $(cat $c) = 1 ] || echo 1 > $c; done 2>/dev/null;"
      + " echo SE''EN $(nproc) $(awk '/MemTotal/{print $2}' /proc/meminfo) kB";
  private static final Pattern SEEN = Pattern.compile("SEEN (\\d+) (\\d+) kB");

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private LinuxGuest guest;

  /** What a guest counts itself. */
  private record Seen(int vcpus, long kib) {}

  /** What a board has: the places of its processors, and the sizes of its DIMMs by their ids. */
  private record Grown(List<String> processors, Map<String, Long> dimms, List<String> backends) {}

  @BeforeEach
  void prepare() throws Exception {
    guest = LinuxGuest.build();
    hosts = new TwoHosts(directory);
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext(LinuxGuest.BOOT);
  }

  /** Describes the machine after it has grown so many times, by one vCPU and one DIMM each. */
  private MachineSpec spec(int times) {
    Hardware hardware = Hardware.standard()
        .withCpu(new Hardware.Cpu(Optional.empty(), Optional.empty(), Optional.of(1 + MOST)))
        .withMemory(new Hardware.Memory(Optional.of((BASE + MOST * STEP) * MIB), Optional.empty()));
    return guest.spec(WORDS).build().toBuilder(1 + times, (BASE + times * STEP) * MIB)
        .hardware(hardware)
        .build();
  }

  @Test
  void whereverTheAgentDiesAGuestGrowsOnceAndTakesAllAlong() throws Exception {
    hosts.agent(hosts.left).apply(cx(), hosts.id, spec(0));
    long pid = pid(hosts.agent(hosts.left), hosts.id);
    LinuxGuest.awaitSaid(hosts.agent(hosts.left), hosts.id, "N0: READY");
    LinuxGuest.awaitShell(hosts.agent(hosts.left), hosts.id);
    Seen small = seen(hosts.left, 1, 0);

    int times = growWhereverTheAgentDies();

    assertThat(times).as("points to die at").isGreaterThan(6);
    assertThat(pid(hosts.agent(hosts.left), hosts.id)).isEqualTo(pid);
    Seen large = seen(hosts.left, 1 + times, small.kib() + kib(times));
    assertThat(large.vcpus()).isEqualTo(1 + times);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> hosts.agent(hosts.left).apply(cx(), hosts.id, spec(times - 1)))
        .withMessageContaining("memoryBytes, vcpus")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    Grown here = grown(hosts.left);

    move(times);

    assertThat(grown(hosts.right)).isEqualTo(here);
    StandaloneContext again = cx();
    hosts.agent(hosts.right).apply(again, hosts.id, spec(times));
    assertThat(again.steps()).isEmpty();
    LinuxGuest.awaitShell(hosts.agent(hosts.right), hosts.id);
    hosts.agent(hosts.right).apply(cx(), hosts.id, spec(times + 1));
    assertGrown(hosts.right, times + 1);
    assertThat(seen(hosts.right, 2 + times, small.kib() + kib(times + 1)).vcpus())
        .isEqualTo(2 + times);
  }

  /** Linux keeps a sixteenth for its records of the pages, and less of what is plugged. */
  private static long kib(int times) {
    return times * STEP * 1024 * 15 / 16;
  }

  private int growWhereverTheAgentDies() {
    boolean crashed = true;
    int times = 0;
    for (int point = 0; crashed; point++) {
      MachineSpec more = spec(++times);
      try {
        hosts.agent(hosts.left).apply(cx().crashAt(point), hosts.id, more);
        crashed = false;
      } catch (SimulatedCrash e) {
        hosts.forget(hosts.left);
        hosts.agent(hosts.left).apply(cx(), hosts.id, more);
      }
      assertGrown(hosts.left, times);
      StandaloneContext again = cx();
      hosts.agent(hosts.left).apply(again, hosts.id, more);
      assertThat(again.steps()).isEmpty();
    }
    return times;
  }

  private void assertGrown(Host host, int times) {
    Grown grown = grown(host);
    assertThat(grown.processors()).hasSize(1 + times).doesNotHaveDuplicates();
    Map<String, Long> dimms = new TreeMap<>();
    for (int i = 0; i < times; i++) {
      dimms.put("dimm" + i, STEP * MIB);
    }
    assertThat(grown.dimms()).isEqualTo(dimms);
    assertThat(grown.backends())
        .isEqualTo(dimms.keySet().stream().map(id -> "mem-" + id).toList());
    assertThat(hosts.agent(host).observe(hosts.id)).extracting("complete").isEqualTo(true);
  }

  private Grown grown(Host host) {
    Path socket = present(hosts.agent(host), hosts.id).serialLog().resolveSibling("qmp");
    try (QmpClient qmp = QmpClient.connect(socket, Board.LIMIT)) {
      Map<String, Long> dimms = new TreeMap<>();
      for (QmpResult dimm : qmp.execute("query-memory-devices", Board.LIMIT).list("")) {
        dimms.put(dimm.text("/data/id"), dimm.number("/data/size"));
      }
      return new Grown(
          qmp.execute("query-cpus-fast", Board.LIMIT).list("").stream()
              .map(cpu -> cpu.text("/qom-path") + " " + cpu.find("/props").orElseThrow())
              .sorted()
              .toList(),
          dimms,
          Board.children(qmp, "/objects").stream()
              .filter(object -> object.startsWith("mem-"))
              .sorted()
              .toList());
    }
  }

  private void move(int times) {
    Migration from = TwoHosts.migration(hosts.agent(hosts.left));
    Migration to = TwoHosts.migration(hosts.agent(hosts.right));
    MigrationTarget way = new ComparingTarget(hosts, directory, TwoHosts.direct(to, cx()));
    to.expect(from.offer(hosts.id));
    MigrationTerms terms = to.prepare(cx(), hosts.id, MigrationReception.unix());
    var unused = from.migrate(cx(), hosts.id, terms, MigrationOptions.usual(), way);
    assertThat(hosts.runs(hosts.right)).as("grown %s times", times).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  /** Has the guest use all that it was given, and waits until it counts so much. */
  private Seen seen(Host host, int vcpus, long kib) {
    QemuMachineDriver driver = hosts.agent(host);
    return await("the guest sees " + vcpus + " vCPUs and " + kib + " KiB")
        .atMost(LinuxGuest.BOOT)
        .pollInterval(Duration.ofMillis(500))
        .until(
            () -> {
              LinuxGuest.type(driver, hosts.id, COUNT);
              return last(present(driver, hosts.id).serialLog());
            },
            last -> last.filter(now -> now.vcpus() >= vcpus && now.kib() >= kib).isPresent())
        .orElseThrow();
  }

  private static Optional<Seen> last(Path log) throws IOException {
    List<MatchResult> all = SEEN.matcher(Files.readString(log, StandardCharsets.ISO_8859_1))
        .results()
        .toList();
    return all.isEmpty()
        ? Optional.empty()
        : Optional.of(new Seen(
            Integer.parseInt(all.get(all.size() - 1).group(1)),
            Long.parseLong(all.get(all.size() - 1).group(2))));
  }
}
