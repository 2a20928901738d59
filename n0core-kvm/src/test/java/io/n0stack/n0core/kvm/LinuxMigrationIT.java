package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A Linux guest that answers pings, counts on its console and writes to its disk as it moves. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LinuxMigrationIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");
  private static final long DISK = 64L << 20;
  // At least so many are answered, of which so many before and after the move, however long that
  // takes.
  private static final int PINGS = 200;
  private static final int BEFORE = 40;
  private static final int AFTER = 40;
  private static final long PERIOD_MILLIS = 100;
  private static final long MEMORY = 128 << 20;
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Pattern TICK = Pattern.compile("TICK (\\d+)\r?\n");
  private static final Pattern ANSWERED = Pattern.compile("bytes from .* icmp_seq=(\\d+) ttl=");

  @TempDir
  Path directory;

  private String netns;
  private TwoHosts hosts;
  private LinuxGuest guest;
  private Path leftDisk;
  private Path rightDisk;

  @BeforeEach
  void prepare() throws Exception {
    guest = LinuxGuest.build();
    netns = "n0mig-" + ProcessHandle.current().pid();
    run("ip", "netns", "add", netns);
    ip("link", "set", "lo", "up");
    ip("link", "add", "br0", "type", "bridge", "forward_delay", "0");
    ip("addr", "add", "10.77.0.1/24", "dev", "br0");
    ip("link", "set", "br0", "up");
    for (String tap : List.of("tapl", "tapr")) {
      ip("tuntap", "add", "dev", tap, "mode", "tap");
      ip("link", "set", tap, "master", "br0", "up");
    }
    leftDisk = directory.resolve("left.qcow2");
    rightDisk = directory.resolve("right.qcow2");
    Path base = guest.base();
    run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        base.toString(),
        leftDisk.toString());
    run("qemu-img", "create", "-q", "-f", "qcow2", rightDisk.toString(), "64M");
    hosts = new TwoHosts(directory);
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      hosts.cleanUp();
    } finally {
      run("ip", "netns", "del", netns);
    }
  }

  private static void run(String... command) throws Exception {
    String unused = Host.run(command);
  }

  private void ip(String... arguments) throws Exception {
    String[] command = new String[arguments.length + 3];
    command[0] = "ip";
    command[1] = "-n";
    command[2] = netns;
    System.arraycopy(arguments, 0, command, 3, arguments.length);
    run(command);
  }

  private QemuMachineDriver open(Host host) {
    return new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withNetworkNamespace(Path.of("/run/netns", netns))));
  }

  private StandaloneContext context(String tap, Path disk, Optional<Path> base) {
    return new StandaloneContext(PATIENCE)
        .with("volume", "root", new VolumeStatus(disk, ImageFormat.QCOW2, DISK, 0, base))
        .with("port", "eth0", new PortStatus(tap, 1, "br0", MAC, 1500, 0));
  }

  private MachineSpec spec() {
    return MachineSpec.builder(1, MEMORY)
        .firmware(new Firmware.Kernel(
            guest.kernel(),
            Optional.of(guest.initrd()),
            "console=ttyS0 quiet panic=-1 n0.ip=10.77.0.2/24"))
        .disk("root")
        .nic("eth0")
        .build();
  }

  /**
   * Late is not lost: only how many are answered counts, not how fast. One may be on its way when the guest
   * moves; beyond that there are losses only while it stands still, which on a busy host takes longer than the
   * 20 ms that are asked for.
   */
  @Test
  void ofTwoHundredPingsNoMoreThanOneIsLost() throws Exception {
    StandaloneContext left = context("tapl", leftDisk, Optional.of(guest.base()));
    StandaloneContext right = context("tapr", leftDisk, Optional.of(guest.base()));
    QemuMachineDriver source = open(hosts.left);
    QemuMachineDriver target = open(hosts.right);
    source.apply(left, hosts.id, spec());
    LinuxGuest.awaitSaid(source, hosts.id, "N0: READY");
    run("ip", "netns", "exec", netns, "ping", "-q", "-c", "1", "-w", "30", "10.77.0.2");
    Migration from = source.capability(Migration.class).orElseThrow();
    Migration to = target.capability(Migration.class).orElseThrow();
    to.expect(from.offer(hosts.id));
    MigrationTerms terms = to.prepare(right, hosts.id, MigrationReception.tcp("127.0.0.1"));
    Path answers = directory.resolve("ping.log");
    Process ping = new ProcessBuilder(
            "ip", "netns", "exec", netns, "ping", "-i", "" + PERIOD_MILLIS / 1000.0, "10.77.0.2")
        .redirectErrorStream(true)
        .redirectOutput(answers.toFile())
        .start();
    MigrationReport report;
    try {
      await().atMost(PATIENCE).until(() -> answered(answers).last() >= BEFORE);

      report = from.migrate(left, hosts.id, terms, usual(), TwoHosts.direct(to, right));

      int moved = answered(answers).last();
      await()
          .atMost(PATIENCE)
          .until(() -> answered(answers).last() >= Math.max(PINGS, moved + AFTER));
    } finally {
      ping.destroyForcibly().waitFor();
    }
    SortedSet<Integer> answered = answered(answers);
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat((long) answered.last() - (answered.size() - 1))
        .as("%s, %s", report, Files.readString(answers))
        .isLessThanOrEqualTo(1 + report.downtime().toMillis() / PERIOD_MILLIS);
  }

  /** The numbers of the pings that have been answered, and 0. */
  private static SortedSet<Integer> answered(Path log) throws IOException {
    SortedSet<Integer> all = new TreeSet<>(Set.of(0));
    ANSWERED
        .matcher(Files.readString(log))
        .results()
        .forEach(found -> all.add(Integer.valueOf(found.group(1))));
    return all;
  }

  @ParameterizedTest
  @EnumSource(MigrationReception.Disks.class)
  void guestDoesNotNotice(MigrationReception.Disks disks) throws Exception {
    Path base = guest.base();
    boolean copied = disks == MigrationReception.Disks.COPIED;
    StandaloneContext left = context("tapl", leftDisk, Optional.of(base));
    StandaloneContext right = copied
        ? context("tapr", rightDisk, Optional.empty())
        : context("tapr", leftDisk, Optional.of(base));
    QemuMachineDriver source = open(hosts.left);
    QemuMachineDriver target = open(hosts.right);
    source.apply(left, hosts.id, spec());
    await()
        .atMost(PATIENCE)
        .until(() -> Host.said(Host.present(source, hosts.id), "# ")); // the shell listens
    work(source);
    Path before = Host.present(source, hosts.id).serialLog();
    await().atMost(PATIENCE).until(() -> ticks(Files.readString(before)).length > 2);

    move(source, left, target, right, copied);

    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    Path after = Host.present(target, hosts.id).serialLog();
    await().atMost(PATIENCE).until(() -> ticks(Files.readString(after)).length > 3);
    assertContinuous(ticks(Files.readString(before) + Files.readString(after)));
    target.delete(right, hosts.id);
    assertDiskHasAll(copied ? rightDisk : leftDisk);
  }

  private static MigrationOptions usual() {
    return MigrationOptions.usual().withMostDowntime(Duration.ofMillis(20));
  }

  private void move(
      QemuMachineDriver source,
      StandaloneContext left,
      QemuMachineDriver target,
      StandaloneContext right,
      boolean copied) {
    Migration from = source.capability(Migration.class).orElseThrow();
    Migration to = target.capability(Migration.class).orElseThrow();
    MigrationReception tcp = MigrationReception.tcp("127.0.0.1");
    MigrationTarget way = new ComparingTarget(hosts, directory, TwoHosts.direct(to, right));
    to.expect(from.offer(hosts.id));
    MigrationTerms terms = to.prepare(right, hosts.id, copied ? tcp.withDisks() : tcp);
    MigrationReport report = from.migrate(left, hosts.id, terms, usual(), way);
    assertThat(report.transferredBytes()).isPositive();
  }

  /** Counts on the console, and each time on the disk, which is synced now and then. */
  private void work(QemuMachineDriver driver) throws Exception {
    String script = "i=0; while :; do i=$((i+1)); echo $i >> /mnt/log; echo TICK $i;"
        + " [ $((i%5)) = 0 ] && sync; sleep 0.1; done &\n";
    try (ByteChannel console = driver.openSerial(hosts.id)) {
      ByteBuffer bytes = ByteBuffer.wrap(script.getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        console.write(bytes);
      }
      Path log = Host.present(driver, hosts.id).serialLog();
      await().atMost(PATIENCE).until(() -> ticks(Files.readString(log)).length > 0);
    }
  }

  private static long[] ticks(String log) {
    return TICK.matcher(log)
        .results()
        .map(MatchResult::group)
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .toArray();
  }

  private static void assertContinuous(long[] ticks) {
    assertThat(ticks).isEqualTo(LongStream.rangeClosed(1, ticks.length).toArray());
  }

  private void assertDiskHasAll(Path disk) throws Exception {
    run("qemu-img", "check", "-q", disk.toString());
    Path raw = directory.resolve("disk.raw");
    run("qemu-img", "convert", "-O", "raw", disk.toString(), raw.toString());
    // It replays the journal, and ends with 1 if there was something in it.
    run("sh", "-c", "e2fsck -fyE journal_only \"$0\"; [ $? -le 1 ]", raw.toString());
    String log = Host.run("debugfs", "-R", "cat log", raw.toString());
    long[] written = log.lines()
        .filter(line -> line.matches("\\d+"))
        .mapToLong(Long::parseLong)
        .toArray();
    assertThat(written.length).isGreaterThan(4);
    assertContinuous(written);
    assertThat(Host.run("debugfs", "-R", "cat origin", raw.toString())).contains("cloned from");
  }
}
