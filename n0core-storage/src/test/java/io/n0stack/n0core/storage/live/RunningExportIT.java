package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.storage.QuickKeys;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exports of volumes of all kinds while a QEMU has them open, and of one for which there is no room. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class RunningExportIT {
  private static final int BLOCKS = 64;
  private static final long BYTES = (long) BLOCKS * Guest.BLOCK;
  private static final String PASSPHRASE = "correct horse";

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private Path disk;
  private Qcow2DirectoryDriver driver;
  private QemuHost host;
  private @Nullable Guest guest;

  @BeforeEach
  void start() throws IOException {
    disk = Files.createDirectory(directory.resolve("disk"));
    Images.run(List.of("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk.toString()));
    driver = QuickKeys.driver(disk.resolve("pool"), directory);
    host = QemuHost.daemon(Files.createDirectory(directory.resolve("host")));
  }

  @AfterEach
  void stop() {
    if (guest != null) {
      guest.close();
    }
    host.close();
    driver.close();
    Images.run(List.of("umount", disk.toString()));
  }

  private StandaloneContext cx() {
    return new StandaloneContext().lending("machine", host);
  }

  private Path make(VolumeSpec spec) {
    driver.apply(cx(), root, spec);
    return ((Observed.Present<VolumeStatus>) driver.observe(root)).status().path();
  }

  private VolumeMaintenance maintenance() {
    return driver.capability(VolumeMaintenance.class).orElseThrow();
  }

  private int[] export(Path target, ImageFormat format) throws IOException {
    assertThat(maintenance().export(cx(), root, target, format).digest())
        .isEqualTo(Images.digest(target));
    return Pictures.patterns(target, format == ImageFormat.RAW ? "raw" : "qcow2");
  }

  private Guest attached() throws IOException {
    Guest attached = host.attach("disk-root");
    guest = attached;
    return attached;
  }

  private void requireExported(Guest writer) throws IOException {
    writer.fill(BLOCKS, 'a');
    for (ImageFormat format : ImageFormat.values()) {
      writer.write(format == ImageFormat.RAW ? 1 : 2, 'b');
      int[] now = writer.after(writer.count(), BLOCKS);

      assertThat(export(directory.resolve("image." + format), format)).isEqualTo(now);
    }
    requireNothingLeft(writer);
  }

  private void requireNothingLeft(Guest writer) {
    assertThat(copy()).doesNotExist();
    assertThat(host.hasJobs()).isFalse();
    writer.write(0, 3);
  }

  private Path copy() {
    Path volume =
        ((Observed.Present<VolumeStatus>) driver.observe(root)).status().path();
    return volume.resolveSibling("export.qcow2");
  }

  @Test
  void rawVolumeIsExportedWhileItIsOpen() throws IOException {
    Path raw = make(new VolumeSpec(ImageFormat.RAW, Optional.of(BYTES), Optional.empty()));
    host.add("disk-root", raw, "raw");

    requireExported(attached());
  }

  @Test
  void encryptedVolumeIsExportedInThePlainWhileItIsOpen() throws IOException {
    Path key = Files.writeString(directory.resolve("key"), PASSPHRASE);
    Path luks = make(VolumeSpec.empty(BYTES).withEncryption(new Encryption(key)));
    host.run("object-add", Map.of("qom-type", "secret", "id", "key", "data", PASSPHRASE));
    Map<String, Object> node = new HashMap<>();
    node.put("driver", "qcow2");
    node.put("node-name", "disk-root");
    node.put("encrypt", Map.of("format", "luks", "key-secret", "key"));
    node.put("file", Map.of("driver", "file", "filename", luks.toString()));
    host.run("blockdev-add", node);

    requireExported(attached());

    // It is for those who are given the image, who need no key; the volume still hides what it
    // holds.
    assertThat(Files.readString(luks, StandardCharsets.ISO_8859_1)).doesNotContain("a".repeat(64));
  }

  @Test
  void exportForWhoseCopyThereIsNoRoomIsRefusedBeforeAnythingIsDone() throws IOException {
    Path volume = make(VolumeSpec.empty(BYTES));
    host.add("disk-root", volume, "qcow2");
    Guest writer = attached();
    writer.fill(BLOCKS, 'a');
    List<String> before = Images.tree(disk);
    Path target = directory.resolve("image.raw");
    Images.run(List.of("mount", "-o", "remount,size=8m", disk.toString()));

    assertThatThrownBy(() -> maintenance().export(cx(), root, target, ImageFormat.RAW))
        .isInstanceOfSatisfying(
            N0Exception.class,
            e -> assertThat(e.code()).as("%s", e).isEqualTo(N0Exception.Code.EXHAUSTED))
        .hasMessageContaining("bytes free");

    assertThat(Images.tree(disk)).isEqualTo(before);
    assertThat(target).doesNotExist();
    requireNothingLeft(writer);
    Images.run(List.of("mount", "-o", "remount,size=64m", disk.toString()));
    int[] now = writer.after(writer.count(), BLOCKS);
    assertThat(export(target, ImageFormat.RAW)).isEqualTo(now);
  }
}
