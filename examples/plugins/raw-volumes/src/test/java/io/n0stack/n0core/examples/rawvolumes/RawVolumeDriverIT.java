package io.n0stack.n0core.examples.rawvolumes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ROOT)
class RawVolumeDriverIT {
  private static final long MIB = 1 << 20;

  @TempDir
  Path root;

  private SmallDisk disk;
  private Path directory;

  @BeforeEach
  void mount() throws IOException {
    disk = SmallDisk.at(root.resolve("disk"));
    directory = Files.createDirectory(new RawVolumes(disk).directory());
  }

  @AfterEach
  void unmount() {
    disk.close();
  }

  // begin conforms
  @TestFactory
  Stream<DynamicTest> conforms() {
    return DriverTck.of(new RawVolumes(disk));
  }
  // end conforms

  @Test
  void aVolumeIsSparseAndPrivateAndKeepsItsDataWhenItGrows() throws IOException {
    RawVolumeDriver driver = new RawVolumeDriver(directory);
    ResourceId id = ResourceId.fresh("volume", "root");
    driver.apply(new StandaloneContext(), id, RawVolumes.raw(64 * MIB));
    VolumeStatus made = status(driver, id);
    assertThat(made.allocatedBytes()).isZero();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made.path())))
        .isEqualTo("rw-------");
    try (FileChannel disk = FileChannel.open(made.path(), StandardOpenOption.WRITE)) {
      disk.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
      disk.force(true);
    }

    driver.apply(new StandaloneContext(), id, RawVolumes.raw(128 * MIB));

    VolumeStatus grown = status(driver, id);
    assertThat(grown.sizeBytes()).isEqualTo(128 * MIB);
    assertThat(grown.allocatedBytes()).isPositive().isLessThan(MIB);
    try (FileChannel disk = FileChannel.open(grown.path(), StandardOpenOption.READ)) {
      ByteBuffer head = ByteBuffer.allocate(3);
      disk.read(head);
      assertThat(head.array()).containsExactly(1, 2, 3);
    }
    assertRefused(driver, id, RawVolumes.raw(64 * MIB), N0Exception.Code.INVALID, "sizeBytes");
    assertThat(status(driver, id)).isEqualTo(grown);
  }

  @Test
  void whatItCannotMakeIsRefusedByFieldBeforeAnythingIsTouched() {
    RawVolumeDriver driver = new RawVolumeDriver(directory);
    ResourceId id = ResourceId.fresh("volume", "root");
    Path image = Path.of("/images/base.raw");
    URI uri = URI.create("http://images/base.raw");
    Optional<Long> size = Optional.of(8 * MIB);

    assertRefused(driver, id, VolumeSpec.empty(8 * MIB), N0Exception.Code.UNSUPPORTED, "format");
    assertRefused(
        driver,
        id,
        VolumeSpec.from(new ImageSource.Backing(image, ImageFormat.QCOW2)),
        N0Exception.Code.UNSUPPORTED,
        "format");
    for (ImageSource source : List.of(
        new ImageSource.Copy(image, ImageFormat.RAW),
        new ImageSource.Download(uri, "sha256:" + "0".repeat(64), ImageFormat.RAW))) {
      assertRefused(
          driver,
          id,
          new VolumeSpec(ImageFormat.RAW, size, Optional.of(source)),
          N0Exception.Code.UNSUPPORTED,
          "source");
    }
    assertRefused(
        driver,
        id,
        new VolumeSpec(ImageFormat.RAW, size, Optional.empty())
            .withPreallocation(Preallocation.FULL),
        N0Exception.Code.UNSUPPORTED,
        "preallocation");
    assertThat(directory).isEmptyDirectory();
  }

  private static VolumeStatus status(RawVolumeDriver driver, ResourceId id) {
    Observed<VolumeStatus> seen = driver.observe(id);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    return ((Observed.Present<VolumeStatus>) seen).status();
  }

  private static void assertRefused(
      RawVolumeDriver driver,
      ResourceId id,
      VolumeSpec spec,
      N0Exception.Code code,
      String subject) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(new StandaloneContext(), id, spec))
        .matches(e -> e.code() == code, "code " + code)
        .matches(e -> e.subject().equals(subject), "subject " + subject);
  }
}
