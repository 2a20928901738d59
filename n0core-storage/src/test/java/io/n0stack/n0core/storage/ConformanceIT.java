package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class ConformanceIT {
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  private Path image;

  @BeforeEach
  void makeImage() {
    image = directory.resolve("a base, with: odd name.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, "8M");
  }

  @TestFactory
  Stream<DynamicTest> emptyQcow2Conforms() {
    return DriverTck.of(new Volumes(VolumeSpec.empty(8 * MIB)));
  }

  @TestFactory
  Stream<DynamicTest> emptyRawConforms() {
    return DriverTck.of(
        new Volumes(new VolumeSpec(ImageFormat.RAW, Optional.of(8 * MIB), Optional.empty())));
  }

  @TestFactory
  Stream<DynamicTest> linkedCloneConforms() {
    return DriverTck.of(
        new Volumes(VolumeSpec.from(new ImageSource.Backing(image, ImageFormat.QCOW2))));
  }

  @TestFactory
  Stream<DynamicTest> copyConforms() {
    return DriverTck.of(
        new Volumes(VolumeSpec.from(new ImageSource.Copy(image, ImageFormat.QCOW2))));
  }

  /** A pool below a directory that does not exist, under a name that is hard to quote. */
  private final class Volumes implements DriverFixture<VolumeSpec, VolumeStatus> {
    private final VolumeSpec spec;

    Volumes(VolumeSpec spec) {
      this.spec = spec;
    }

    private Path pool() {
      return directory.resolve("state").resolve("pool, of: volumes");
    }

    @Override
    public Driver<VolumeSpec, VolumeStatus> open() {
      return new Qcow2DirectoryDriver(pool(), Duration.ofSeconds(30));
    }

    @Override
    public VolumeSpec spec() {
      return spec;
    }

    @Override
    public Optional<VolumeSpec> changed() {
      return Optional.of(spec.withSizeBytes(16 * MIB));
    }

    @Override
    public List<String> residue() {
      return Images.tree(pool());
    }
  }
}
