package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
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
   * @param arguments pool, and a raw and a foreign image with more data than fits
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
    Path image = Path.of(arguments[1]);
    ImageSource download =
        new ImageSource.Download(image.toUri(), Images.digest(image), ImageFormat.RAW);
    System.out.println("download "
        + code(driver, ResourceId.fresh("volume", "fetched"), VolumeSpec.from(download)));
    ImageSource foreign = new ImageSource.Conversion(Path.of(arguments[2]), ForeignFormat.VMDK);
    System.out.println("conversion "
        + code(driver, ResourceId.fresh("volume", "foreign"), VolumeSpec.from(foreign)));
    System.out.println("old intact " + before.equals(driver.observe(old)));
    System.out.println("half made " + driver.list().contains(large));
    Files.write(pool.resolve("filler"), new byte[(int) pool.toFile().getUsableSpace()]);
    System.out.println(
        "create " + code(driver, ResourceId.fresh("volume", "none"), VolumeSpec.empty(1 << 20)));
    System.out.println("export " + export(driver, old, pool.resolve("export")));
    System.out.println("old still intact " + before.equals(driver.observe(old)));
    Files.delete(pool.resolve("filler"));
    for (ResourceId id : driver.list()) {
      driver.delete(new StandaloneContext(), id);
    }
    System.out.println("left " + Images.volumes(pool));
  }

  private static String export(Qcow2DirectoryDriver driver, ResourceId id, Path target) {
    try {
      return driver
          .capability(VolumeMaintenance.class)
          .orElseThrow()
          .export(new StandaloneContext(), id, target, ImageFormat.QCOW2)
          .toString();
    } catch (N0Exception e) {
      return e.code() + (Files.exists(target) ? " and half of it" : " and nothing");
    }
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
