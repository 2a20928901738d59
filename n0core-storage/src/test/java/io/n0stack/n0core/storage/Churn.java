package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;

/** A process that makes, grows, exports and deletes volumes of all kinds until it is killed. */
final class Churn {
  static final long BYTES = 8 << 20;

  private Churn() {}

  /** Ways to make a volume; each is named in the names of its volumes. */
  enum Kind {
    EMPTY,
    CLONE,
    COPY,
    DOWNLOAD,
    CONVERSION,
    PREALLOCATED;

    static Kind of(ResourceId volume) {
      return valueOf(volume.name().replaceAll("\\d", "").toUpperCase(java.util.Locale.ROOT));
    }

    boolean hasContent() {
      return this != EMPTY && this != PREALLOCATED;
    }

    /** Says what it is made of. */
    VolumeSpec spec(Path images) {
      Path image = images.resolve("image.qcow2");
      return switch (this) {
        case EMPTY -> VolumeSpec.empty(BYTES);
        case PREALLOCATED -> VolumeSpec.empty(BYTES).withPreallocation(Preallocation.FALLOC);
        case CLONE -> VolumeSpec.from(new ImageSource.Backing(image, ImageFormat.QCOW2));
        case COPY -> VolumeSpec.from(new ImageSource.Copy(image, ImageFormat.QCOW2));
        case DOWNLOAD ->
          VolumeSpec.from(
              new ImageSource.Download(image.toUri(), Images.digest(image), ImageFormat.QCOW2));
        case CONVERSION ->
          VolumeSpec.from(
              new ImageSource.Conversion(images.resolve("image.vmdk"), ForeignFormat.VMDK));
      };
    }
  }

  /**
   * Runs for ever.
   *
   * @param arguments the pool, the directory of the images, the one for exports, and the kind to begin with
   */
  public static void main(String[] arguments) {
    Qcow2DirectoryDriver driver =
        new Qcow2DirectoryDriver(Path.of(arguments[0]), Duration.ofSeconds(30));
    VolumeMaintenance maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    Path images = Path.of(arguments[1]);
    Path exports = Path.of(arguments[2]);
    System.out.println("ready");
    for (int i = Integer.parseInt(arguments[3]); ; i++) {
      Kind kind = Kind.values()[i % Kind.values().length];
      String name = kind.name().toLowerCase(java.util.Locale.ROOT) + i;
      ResourceId id = ResourceId.fresh("volume", name);
      driver.apply(new StandaloneContext(), id, kind.spec(images));
      driver.apply(new StandaloneContext(), id, kind.spec(images).withSizeBytes(2 * BYTES));
      maintenance.export(
          new StandaloneContext(), id, exports.resolve(name + ".qcow2"), ImageFormat.QCOW2);
      if (i % 4 != 0) {
        driver.delete(new StandaloneContext(), id);
      }
    }
  }
}
