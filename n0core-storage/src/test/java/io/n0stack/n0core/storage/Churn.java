package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;

/** A process that makes, grows and deletes volumes until it is killed. */
final class Churn {
  private Churn() {}

  /**
   * Runs for ever.
   *
   * @param arguments pool and image
   */
  public static void main(String[] arguments) {
    Qcow2DirectoryDriver driver =
        new Qcow2DirectoryDriver(Path.of(arguments[0]), Duration.ofSeconds(30));
    VolumeSpec clone =
        VolumeSpec.from(new ImageSource.Backing(Path.of(arguments[1]), ImageFormat.QCOW2));
    System.out.println("ready");
    for (int i = 0; ; i++) {
      ResourceId id = ResourceId.fresh("volume", "v" + i);
      VolumeSpec spec = i % 2 == 0 ? VolumeSpec.empty(8 << 20) : clone;
      driver.apply(new StandaloneContext(), id, spec);
      driver.apply(new StandaloneContext(), id, spec.withSizeBytes(16 << 20));
      if (i % 3 != 0) {
        driver.delete(new StandaloneContext(), id);
      }
    }
  }
}
