package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A storage daemon in the part of a machine, with one disk and a guest that writes to it. */
@Requires(Requirement.QEMU)
abstract class LiveFixture {
  static final int BLOCKS = 384; // more than the 16 MiB that a mirror copies at one go
  static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir
  Path directory;

  final ResourceId root = ResourceId.fresh("volume", "root");
  QemuHost host;
  Path disk;
  Guest guest;
  LiveVolume volume;

  @BeforeEach
  void start() throws IOException {
    host = QemuHost.daemon(directory);
    disk = Pictures.qcow2(directory.resolve("root.qcow2"), BLOCKS);
    plug();
    guest.fill(BLOCKS, 1);
  }

  /** Opens the disk and gives it its guest. */
  final void plug() throws IOException {
    host.add("disk-root", disk, "qcow2");
    guest = host.attach("disk-root");
    volume = open(disk);
  }

  @AfterEach
  void stop() {
    volume.close();
    guest.close();
    host.close();
  }

  final LiveVolume open(Path file) {
    return LiveVolume.open(host, root, file, LIMIT);
  }

  final void awaitWrites(int more) {
    int goal = guest.count() + more;
    await().atMost(LIMIT).pollInterval(Duration.ofMillis(5)).until(() -> guest.count() >= goal);
  }

  /** Asserts that the machine has nothing open but the disk, and no job. */
  final void assertOnly(Path... files) {
    assertThat(volume.nodes()).extracting(node -> node.file().orElseThrow()).containsExactly(files);
    assertThat(host.hasJobs()).isFalse();
  }

  static void refused(ThrowingCallable call, N0Exception.Code code) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).as("%s", e).isEqualTo(code));
  }
}
