package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same with a machine instead of a storage daemon, its disk a virtio device. */
@Requires(Requirement.QEMU)
class RealMachineIT {
  private static final int BLOCKS = 64;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir
  Path directory;

  private QemuHost host;
  private Path disk;
  private LiveVolume volume;

  @BeforeEach
  void start() throws IOException {
    host = QemuHost.machine(directory);
    disk = Pictures.qcow2(directory.resolve("root.qcow2"), BLOCKS);
    Images.run(List.of("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", disk.toString()));
    host.add("disk-root", disk, "qcow2");
    host.run(
        "device_add",
        Map.of(
            "driver", "virtio-blk-pci", "id", "disk-root", "bus", "port0", "drive", "disk-root"));
    volume = LiveVolume.open(host, ResourceId.fresh("volume", "root"), disk, LIMIT);
  }

  @AfterEach
  void stop() {
    volume.close();
    host.close();
  }

  @Test
  void aDiskOfAMachineGoesThroughAllOfIt() throws Exception {
    Path overlay = directory.resolve("overlay.qcow2");
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), 2 * BLOCKS);
    Path target = Pictures.qcow2(directory.resolve("backup.qcow2"), 2 * BLOCKS);

    volume.resize(2L * BLOCKS * Guest.BLOCK);
    assertThat(host.run("query-block", Map.of())
            .get(0)
            .at("/inserted/image/virtual-size")
            .asLong())
        .isEqualTo(2L * BLOCKS * Guest.BLOCK);

    Images.qemuImg("create", "-q", "-u", "-f", "qcow2", "-b", disk, "-F", "qcow2", overlay, "8M");
    volume.snapshot(overlay);
    assertThat(active()).isEqualTo(overlay);
    write("write -P 9 2M 64k");

    volume
        .backup(BackupSpec.full(target, ImageFormat.QCOW2).withCheckpoint("one"))
        .complete(Waiting.longEnough());
    volume.commit(overlay, disk).complete(Waiting.longEnough());
    assertThat(active()).isEqualTo(disk);
    volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2)).complete(Waiting.longEnough());
    assertThat(active()).isEqualTo(copy);

    assertThat(volume.nodes()).hasSize(1);
    assertThat(host.hasJobs()).isFalse();
    host.quit();
    for (Path image : List.of(disk, copy, target)) {
      Pictures.assertClean(image);
      int[] patterns = Pictures.patterns(image, "qcow2");
      assertThat(patterns[15]).isEqualTo(7);
      assertThat(patterns[16]).isZero();
      assertThat(patterns[32]).isEqualTo(9);
    }
  }

  /** Asks the device, not the nodes, which file it is on. */
  private Path active() {
    return Path.of(host.run("query-block", Map.of()).get(0).at("/inserted/file").asText());
  }

  /** Writes as the device would: it shares its disk with no other writer. */
  private void write(String command) {
    String device = "/machine/peripheral/disk-root/virtio-backend";
    String answer = host.run(
            "human-monitor-command",
            Map.of("command-line", "qemu-io -d " + device + " \"" + command + "\""))
        .asText();
    assertThat(answer).doesNotContain("rror", "denied");
  }
}
