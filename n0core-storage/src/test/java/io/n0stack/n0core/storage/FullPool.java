package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A process that fills a pool of 2 MiB, and says what it saw. */
final class FullPool {
  private FullPool() {}

  /**
   * Runs once.
   *
   * @param arguments pool and an image with more data than fits
   */
  public static void main(String[] arguments) throws Exception {
    Path pool = Path.of(arguments[0]);
    Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30));
    ResourceId old = ResourceId.fresh("volume", "old");
    ResourceId large = ResourceId.fresh("volume", "large");
    driver.apply(new StandaloneContext(), old, VolumeSpec.empty(1 << 20));
    Observed<VolumeStatus> before = driver.observe(old);
    VolumeSpec copy = VolumeSpec.from(new ImageSource.Copy(Path.of(arguments[1]), ImageFormat.RAW));

    System.out.println("copy " + code(driver, large, copy));
    System.out.println("old intact " + before.equals(driver.observe(old)));
    System.out.println("half made " + driver.list().contains(large));
    Files.write(pool.resolve("filler"), new byte[(int) pool.toFile().getUsableSpace()]);
    System.out.println(
        "create " + code(driver, ResourceId.fresh("volume", "none"), VolumeSpec.empty(1 << 20)));
    System.out.println("old still intact " + before.equals(driver.observe(old)));
    Files.delete(pool.resolve("filler"));
    for (ResourceId id : driver.list()) {
      driver.delete(new StandaloneContext(), id);
    }
    System.out.println("left " + Images.tree(pool));
  }

  private static String code(Qcow2DirectoryDriver driver, ResourceId id, VolumeSpec spec) {
    try {
      driver.apply(new StandaloneContext(), id, spec);
      return "done";
    } catch (N0Exception e) {
      return e.code() + "";
    }
  }
}
