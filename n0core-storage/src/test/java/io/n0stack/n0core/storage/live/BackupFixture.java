package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.api.storage.VolumeBackups.Checkpoint;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A linked clone that a guest writes to, and a directory for its backups. */
@Requires(Requirement.QEMU)
abstract class BackupFixture {
  static final int BLOCKS = 64;
  static final int FROM_BASE = 200;
  static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir
  Path directory;

  final ResourceId base = ResourceId.fresh("volume", "base");
  ResourceId root = ResourceId.fresh("volume", "root");
  Path backups;
  Qcow2DirectoryDriver driver;
  VolumeSpec spec;
  Optional<QemuHost> machine = Optional.empty();
  Guest guest;

  @BeforeEach
  void start() throws IOException {
    backups = Files.createDirectory(directory.resolve("backups"));
    Files.createDirectory(directory.resolve("host"));
    open();
    driver.apply(new StandaloneContext(), base, VolumeSpec.empty((long) BLOCKS * Guest.BLOCK));
    io(status(base).path(), "write -P " + FROM_BASE + " 0 " + (long) BLOCKS * Guest.BLOCK);
    spec = VolumeSpec.from(new ImageSource.Backing(status(base).path(), ImageFormat.QCOW2));
    driver.apply(new StandaloneContext(), root, spec);
    boot();
    guest.write(0, 1);
  }

  @AfterEach
  void stop() {
    guest.close();
    machine.ifPresent(QemuHost::close);
    driver.close();
  }

  final void open() {
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
  }

  /** What the next agent does. */
  final void openAgain() {
    driver.close();
    open();
    driver.apply(cx(), root, spec);
  }

  final void boot() throws IOException {
    QemuHost host = QemuHost.daemon(directory.resolve("host"));
    machine = Optional.of(host);
    host.add("disk-root", disk(), "qcow2");
    guest = host.attach("disk-root");
  }

  final QemuHost host() {
    return machine.orElseThrow();
  }

  final void turnOff() throws Exception {
    guest.close();
    host().quit();
    machine = Optional.empty();
  }

  final void killMachine() {
    guest.close();
    host().kill();
    machine = Optional.empty();
  }

  final VolumeBackups volumes() {
    return driver.capability(VolumeBackups.class).orElseThrow();
  }

  final StandaloneContext cx() {
    StandaloneContext cx = new StandaloneContext();
    return machine.isPresent() ? cx.lending("machine", machine.get()) : cx;
  }

  final VolumeBackups.Backup backUp(BackupRequest request) {
    return volumes().backUp(cx(), root, request);
  }

  final Path file(String name) {
    return backups.resolve(name);
  }

  final BackupRequest full(String name) {
    return BackupRequest.full(file(name));
  }

  final BackupRequest increment(String name, String since, String onto) {
    return BackupRequest.increment(file(name), since, file(onto));
  }

  final VolumeStatus status(ResourceId id) {
    Observed.Present<VolumeStatus> seen = (Observed.Present<VolumeStatus>) driver.observe(id);
    assertThat(seen.complete()).isTrue();
    return seen.status();
  }

  final Path disk() {
    return status(root).path();
  }

  static void io(Path file, String command) {
    assertThat(Images.run(List.of("qemu-io", "-f", "qcow2", "-c", command, file.toString())))
        .doesNotContain("failed");
  }

  static void refused(N0Exception.Code code, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).as("%s", e).isEqualTo(code));
  }

  final List<String> checkpoints() {
    return volumes().checkpoints(cx(), root).stream()
        .map(Checkpoint::name)
        .sorted()
        .toList();
  }

  final void awaitWrites(int more) {
    int goal = guest.count() + more;
    await().atMost(LIMIT).pollInterval(Duration.ofMillis(5)).until(() -> guest.count() >= goal);
  }

  final int[] written(int writes) {
    int[] patterns = guest.after(writes, BLOCKS);
    for (int i = 0; i < BLOCKS; i++) {
      patterns[i] = patterns[i] == 0 ? FROM_BASE : patterns[i];
    }
    return patterns;
  }

  /** Returns which write was the last one in a backup and all below it, and fails if there is no such moment. */
  final int momentOf(Path file, int first, int last) throws IOException {
    int[] patterns = Pictures.patterns(file, "qcow2");
    // What QEMU has written for the guest may not be counted yet.
    await().atMost(LIMIT).until(() -> guest.count() >= last);
    for (int count = first; count <= last; count++) {
      if (Arrays.equals(patterns, written(count))) {
        return count;
      }
    }
    throw new AssertionError(file + " is no moment between " + first + " and " + last);
  }

  /** Fails unless a backup and all below it are what the disk holds now. */
  final void assertIsTheDisk(Path file) throws IOException {
    assertThat(Pictures.patterns(file, "qcow2")).isEqualTo(Pictures.patterns(disk(), "qcow2"));
    Pictures.assertClean(file);
  }

  /** Fails unless there is nothing but these files, and no trace of the work on them. */
  final void assertOnly(String... names) throws IOException {
    assertThat(listed(backups)).containsExactlyInAnyOrder(names);
    for (String name : names) {
      assertThat(Images.tree(backups))
          .anyMatch(
              line -> line.startsWith(name + " ") && line.endsWith("[OWNER_READ, OWNER_WRITE]"));
    }
    assertThat(listed(disk().resolveSibling("")))
        .allMatch(name -> name.equals("volume.json") || name.startsWith("disk"));
    if (machine.isPresent()) {
      assertThat(host().hasJobs()).isFalse();
      try (LiveVolume live = LiveVolume.open(host(), root, disk(), LIMIT)) {
        assertThat(live.nodes())
            .extracting(node -> node.file().orElseThrow())
            .doesNotContain(disk().resolveSibling("export.qcow2"));
      }
    }
  }

  private static List<String> listed(Path where) throws IOException {
    try (Stream<Path> all = Files.list(where)) {
      return all.map(path -> path.getFileName().toString()).toList();
    }
  }
}
