package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.ManyMutations.Mutation;
import io.n0stack.n0core.kvm.ManyMutations.Way;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.kvm.qmp.Strangers;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One of the machines that agents are killed over, and what must be true of it then. */
final class MutatedMachine {
  static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final long MIB = 1 << 20;
  private static final Logger LOG = LoggerFactory.getLogger(MutatedMachine.class);

  private final Lanes lanes;
  private final Map<String, QemuMachineDriver> drivers;
  private final int lane;
  private final ResourceId id;
  private String at = "";
  private String host = "left";
  private Set<String> names = new TreeSet<>(Set.of(Lanes.FIRST, "d", "eth0"));
  private Way way = Way.POWER;
  private Optional<Mutation> cutShort = Optional.empty();
  private long pid;
  private long strangers;

  MutatedMachine(Lanes lanes, Map<String, QemuMachineDriver> drivers, int lane) {
    this.lanes = lanes;
    this.drivers = drivers;
    this.lane = lane;
    id = lanes.id(lane);
  }

  void create() {
    apply(host);
    pid = Host.pid(driver(), id);
  }

  /** Returns the line that tells an agent what to do to it. */
  String order(Way how, long seed) {
    way = how;
    return lane + " " + way + " " + host + " " + seed + " " + String.join(" ", names);
  }

  /** Reads what the agents had said of it until they died. */
  void heard(String when, List<String> said) {
    at = when + ", " + id + ", " + way + " of " + names + " on " + host;
    cutShort = Optional.empty();
    for (String line : said) {
      List<String> words = List.of(line.split(" "));
      if (words.size() < 2 || !words.get(1).equals(String.valueOf(lane))) {
        continue;
      }
      assertThat(words.get(0)).as("%s: %s", at, line).isIn("begin", "end");
      cutShort = Optional.empty();
      if (words.get(0).equals("begin")) {
        cutShort = Optional.of(Mutation.valueOf(words.get(2)));
        host = words.get(3);
        names = new TreeSet<>(words.subList(4, words.size()));
        at = when + ", " + id + ", " + line;
      }
    }
    if (way == Way.MIGRATE && cutShort.isEmpty() && at.contains("begin")) {
      host = Lanes.other(host);
    }
  }

  /** What was begun and not ended. */
  Optional<Mutation> cutShort() {
    return cutShort;
  }

  long pid() {
    return pid;
  }

  /** How many answers to those who have died came to somebody else. */
  long strangers() {
    return strangers;
  }

  /** Does what an agent does that comes after: nothing but to apply, and what its user would do besides. */
  void settle() throws Exception {
    try {
      settled();
    } catch (N0Exception e) {
      throw new AssertionError(at + ": " + e + "; " + everywhere(), e);
    }
  }

  /** Tells where it is on both hosts. */
  private String everywhere() {
    List<String> all = new ArrayList<>();
    drivers.forEach((name, there) -> {
      String phase;
      try {
        phase = String.valueOf(there.capability(Migration.class).orElseThrow().phase(id));
      } catch (N0Exception e) {
        phase = String.valueOf(e.getMessage());
      }
      all.add(name + ": " + phase + ", " + there.observe(id));
    });
    return String.join("; ", all);
  }

  private void settled() throws Exception {
    assertAnswersAreItsOwn();
    await(at).atMost(PATIENCE).until(() -> driver().observe(id) instanceof Observed.Present<?>);
    settleMigration();
    boolean kept = applied();
    MachineState now = state(driver(), id);
    if (way == Way.PAUSE && now == MachineState.PAUSED) {
      driver().power(lanes.cx(host, lane), id, PowerAction.RESUME);
    } else if (way == Way.POWER && now == MachineState.SHUTDOWN) {
      driver().power(lanes.cx(host, lane), id, PowerAction.BOOT);
    }
    assertThat(state(driver(), id)).as(at).isEqualTo(MachineState.RUNNING);
    assertThat(driver().observe(id)).as(at).extracting("complete").isEqualTo(true);
    assertThat(driver().list()).as(at).contains(id);
    long found = Host.pid(driver(), id);
    if (way != Way.POWER && way != Way.MIGRATE) {
      assertThat(found).as(at).isEqualTo(pid);
    }
    pid = found;
    assertSnapshotsAreWhole();
    assertExactly();
    assertThat(kept || way == Way.DEVICES)
        .as("%s: all is there after one apply", at)
        .isTrue();
  }

  private QemuMachineDriver driver() {
    return Lanes.on(host, drivers);
  }

  private void apply(String where) {
    Lanes.on(where, drivers).apply(lanes.cx(where, lane), id, lanes.spec(names));
  }

  /** Returns false if the guest had to be reset, since it keeps what it was asked to release. */
  private boolean applied() {
    try {
      apply(host);
      return true;
    } catch (N0Exception e) {
      assertThat(e.code()).as("%s: %s", at, e).isEqualTo(N0Exception.Code.BUSY);
      driver().power(lanes.cx(host, lane), id, PowerAction.HARD_REBOOT);
      await(at)
          .atMost(PATIENCE)
          .until(() -> Host.present(driver(), id).unplugging().isEmpty());
      apply(host);
      return false;
    }
  }

  /** The answer to the dead agents' last command comes first, to whoever connects next. */
  private void assertAnswersAreItsOwn() throws IOException {
    for (Path socket : monitors()) {
      try (QmpClient qmp = QmpClient.connect(socket, Board.LIMIT)) {
        for (int i = 0; i < 3; i++) {
          assertThat(qmp.execute("query-uuid", Board.LIMIT).text("/UUID"))
              .as(at)
              .isEqualTo(id.uid().toString());
          assertThat(qmp.execute("query-name", Board.LIMIT).text("/name"))
              .as(at)
              .isEqualTo(id.name());
          assertThat(qmp.execute("query-status", Board.LIMIT).find("/running"))
              .as(at)
              .isPresent();
        }
        strangers += Strangers.of(qmp);
      } catch (N0Exception e) {
        // That it ends, or is not yet there, is no wrong answer.
        assertThat(e.code()).as("%s: %s", at, e).isEqualTo(N0Exception.Code.UNAVAILABLE);
        assertThat(way).as("%s: %s", at, e).isIn(Way.POWER, Way.MIGRATE);
      }
    }
  }

  /** Finds the monitors of all its launches on both hosts. */
  private List<Path> monitors() throws IOException {
    List<Path> sockets = new ArrayList<>();
    for (Host each : lanes.hosts.values()) {
      Path machine = each.root.resolve(id.uid().toString());
      if (Files.isDirectory(machine)) {
        try (DirectoryStream<Path> launches = Files.newDirectoryStream(machine, "run.*")) {
          for (Path launch : launches) {
            for (String name : List.of("qmp", "rescue")) {
              if (Files.exists(launch.resolve(name))) {
                sockets.add(launch.resolve(name));
              }
            }
          }
        }
      }
    }
    return sockets;
  }

  /** Says on which hosts QEMU runs the guest. */
  private Set<String> running() throws IOException {
    Set<String> running = new TreeSet<>();
    for (Path socket : monitors()) {
      if (!socket.endsWith("rescue")) {
        continue;
      }
      try (QmpClient client = QmpClient.connect(socket, Board.LIMIT)) {
        if (client.execute("query-status", Board.LIMIT).flag("/running")) {
          running.add(socket.startsWith(Lanes.on("left", lanes.hosts).root) ? "left" : "right");
        }
      } catch (N0Exception e) {
        assertThat(e.code()).as("%s: %s", at, e).isEqualTo(N0Exception.Code.UNAVAILABLE);
      }
    }
    return running;
  }

  private void settleMigration() throws IOException {
    if (way != Way.MIGRATE) {
      return;
    }
    String from = host;
    String to = Lanes.other(host);
    int before = running().size();
    assertThat(before).as(at).isLessThanOrEqualTo(1);
    apply(from);
    if (expected(to)) {
      apply(to);
    }
    Migration source = Lanes.on(from, drivers).capability(Migration.class).orElseThrow();
    Migration target = Lanes.on(to, drivers).capability(Migration.class).orElseThrow();
    Verdict verdict =
        source.settle(lanes.cx(from, lane), id, TwoHosts.direct(target, lanes.cx(to, lane)));
    host = verdict == Verdict.TAKEN ? to : from;
    assertThat(running()).as(at).containsExactly(host);
    Lanes.on(Lanes.other(host), drivers).delete(lanes.cx(Lanes.other(host), lane), id);
    assertThat(running()).as(at).containsExactly(host);
  }

  /** No agent adopts a reservation that is not yet one, and whose spec it therefore cannot know. */
  private boolean expected(String there) {
    try {
      Migration.Phase phase =
          Lanes.on(there, drivers).capability(Migration.class).orElseThrow().phase(id);
      LOG.debug("{}: {} is {}", at, there, phase);
      return true;
    } catch (N0Exception e) {
      assertThat(e.code()).as("%s: %s", at, e).isEqualTo(N0Exception.Code.NOT_FOUND);
      return false;
    }
  }

  /** A snapshot is on all disks, or on none and then unknown. */
  private void assertSnapshotsAreWhole() throws Exception {
    MachineSnapshots snapshots = driver().capability(MachineSnapshots.class).orElseThrow();
    Set<String> taken =
        snapshots.snapshots(id).stream().map(MachineSnapshot::name).collect(Collectors.toSet());
    if (way != Way.SNAPSHOT) {
      assertThat(taken).as(at).isEmpty();
      return;
    }
    assertThat(taken).as(at).hasSizeLessThanOrEqualTo(1);
    assertTagged(taken);
    for (String name : taken) {
      snapshots.deleteSnapshot(lanes.cx(host, lane), id, name);
    }
    assertTagged(Set.of());
    assertThat(state(driver(), id)).as(at).isEqualTo(MachineState.RUNNING);
  }

  private void assertTagged(Set<String> snapshots) throws Exception {
    for (String name : names) {
      if (!name.startsWith("eth") && !Lanes.isMore(name)) {
        String tags =
            Host.run("qemu-img", "snapshot", "-U", "-l", lanes.file(lane, name).toString());
        assertThat(tags.lines().filter(line -> line.contains("n0-")).count())
            .as("%s: %s", at, tags)
            .isEqualTo(snapshots.size());
        assertThat(snapshots).as("%s: %s", at, tags).allMatch(tag -> tags.contains("n0-" + tag));
      }
    }
  }

  private void assertExactly() throws IOException {
    Set<String> nics = names.stream().filter(n -> n.startsWith("eth")).collect(Collectors.toSet());
    Set<String> disks = new TreeSet<>(names);
    disks.removeAll(nics);
    disks.removeAll(Lanes.MORE);
    Path socket = Host.present(driver(), id).serialLog().resolveSibling("qmp");
    try (QmpClient qmp = QmpClient.connect(socket, Board.LIMIT)) {
      assertThat(Board.parts(qmp)).as(at).isEqualTo(Board.expected(disks, nics));
      List<String> onPci = Board.pci(qmp).stream()
          .map(place -> place.substring(place.indexOf(' ') + 1))
          .filter(device -> !device.equals("scsi0"))
          .toList();
      Set<String> expected = names.stream()
          .filter(n -> n.compareTo("d") >= 0 && !Lanes.isMore(n))
          .map(n -> (n.startsWith("eth") ? "nic-" : "disk-") + n)
          .collect(Collectors.toSet());
      assertThat(onPci).as(at).containsExactlyInAnyOrderElementsOf(expected);
      assertThat(Board.children(qmp, "/machine/peripheral-anon")).as(at).isEmpty();
      assertGrown(qmp);
      strangers += Strangers.of(qmp);
    }
    List<String> open = open();
    Set<String> files =
        disks.stream().map(name -> lanes.file(lane, name).toString()).collect(Collectors.toSet());
    assertThat(open.stream().filter(file -> file.endsWith(".qcow2")).toList())
        .as(at)
        .containsExactlyInAnyOrderElementsOf(files);
    assertThat(open.stream().filter("/dev/net/tun"::equals)).as(at).hasSameSizeAs(nics);
  }

  /** What has been plugged since the launch is in DIMMs, what was there before came with the board. */
  private void assertGrown(QmpClient qmp) {
    int times = Lanes.grown(names);
    assertThat(qmp.execute("query-cpus-fast", Board.LIMIT).list("")).as(at).hasSize(1 + times);
    QmpResult memory = qmp.execute("query-memory-size-summary", Board.LIMIT);
    // An emulated machine has a little more on its board.
    assertThat(memory.number("/base-memory") / MIB * MIB + memory.number("/plugged-memory"))
        .as(at)
        .isEqualTo(Lanes.MEMORY_BYTES + times * Lanes.DIMM_BYTES);
    Set<String> backends = qmp.execute("query-memory-devices", Board.LIMIT).list("").stream()
        .map(dimm -> "mem-" + dimm.text("/data/id"))
        .collect(Collectors.toSet());
    assertThat(Board.children(qmp, "/objects").stream()
            .filter(object -> object.startsWith("mem-"))
            .collect(Collectors.toSet()))
        .as(at)
        .isEqualTo(backends);
  }

  private List<String> open() throws IOException {
    List<String> files = new ArrayList<>();
    try (DirectoryStream<Path> all =
        Files.newDirectoryStream(Path.of("/proc", String.valueOf(pid), "fd"))) {
      for (Path descriptor : all) {
        try {
          files.add(Files.readSymbolicLink(descriptor).toString());
        } catch (NoSuchFileException e) {
          LOG.debug("{}: {}", at, e.toString()); // a connection that has just ended
        }
      }
    }
    return files;
  }
}
