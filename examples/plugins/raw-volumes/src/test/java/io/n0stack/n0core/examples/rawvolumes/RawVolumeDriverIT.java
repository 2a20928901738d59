package io.n0stack.n0core.examples.rawvolumes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.UncheckedIOException;
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
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class RawVolumeDriverIT {
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  // begin conforms
  @TestFactory
  Stream<DynamicTest> conforms() {
    return DriverTck.of(new RawVolumes());
  }

  private final class RawVolumes implements DriverFixture<VolumeSpec, VolumeStatus> {
    @Override
    public Driver<VolumeSpec, VolumeStatus> open() {
      return new RawVolumeDriver(directory);
    }

    @Override
    public VolumeSpec spec() {
      return raw(8 * MIB);
    }

    @Override
    public Optional<VolumeSpec> changed() {
      return Optional.of(raw(16 * MIB));
    }

    @Override
    public List<String> residue() {
      try (Stream<Path> files = Files.list(directory)) {
        return files.map(Path::toString).sorted().toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
  // end conforms

  @Test
  void aVolumeIsSparseAndPrivateAndKeepsItsDataWhenItGrows() throws IOException {
    RawVolumeDriver driver = new RawVolumeDriver(directory);
    ResourceId id = ResourceId.fresh("volume", "root");
    driver.apply(new StandaloneContext(), id, raw(64 * MIB));
    VolumeStatus made = status(driver, id);
    assertThat(made.allocatedBytes()).isZero();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(made.path())))
        .isEqualTo("rw-------");
    try (FileChannel disk = FileChannel.open(made.path(), StandardOpenOption.WRITE)) {
      disk.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
      disk.force(true);
    }

    driver.apply(new StandaloneContext(), id, raw(128 * MIB));

    VolumeStatus grown = status(driver, id);
    assertThat(grown.sizeBytes()).isEqualTo(128 * MIB);
    assertThat(grown.allocatedBytes()).isPositive().isLessThan(MIB);
    try (FileChannel disk = FileChannel.open(grown.path(), StandardOpenOption.READ)) {
      ByteBuffer head = ByteBuffer.allocate(3);
      disk.read(head);
      assertThat(head.array()).containsExactly(1, 2, 3);
    }
    assertRefused(driver, id, raw(64 * MIB), N0Exception.Code.INVALID, "sizeBytes");
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
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void withoutItsDirectoryNothingIsCalledAbsent() {
    RawVolumeDriver driver = new RawVolumeDriver(directory.resolve("not-mounted"));
    ResourceId id = ResourceId.fresh("volume", "root");

    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
    assertThat(driver.probe().health()).isEqualTo(Fingerprint.Health.UNHEALTHY);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(driver::list)
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.delete(new StandaloneContext(), id))
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(new StandaloneContext(), id, raw(MIB)))
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
  }

  @Test
  void foreignFilesAreNeitherListedNorTouched() throws IOException {
    RawVolumeDriver driver = new RawVolumeDriver(directory);
    for (String name : List.of("root.raw", "root.1234.raw", "lost+found", ".part", "a b.raw")) {
      Files.writeString(directory.resolve(name), name);
    }
    ResourceId id = ResourceId.fresh("volume", "root");

    driver.apply(new StandaloneContext(), id, raw(MIB));
    assertThat(driver.list()).containsExactly(id);
    driver.delete(new StandaloneContext(), id);

    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files).hasSize(5);
    }
  }

  private static VolumeSpec raw(long bytes) {
    return new VolumeSpec(ImageFormat.RAW, Optional.of(bytes), Optional.empty());
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
