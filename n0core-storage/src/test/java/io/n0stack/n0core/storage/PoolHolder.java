package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;

/** A process that is in the middle of making a volume, and has started a program that outlives it. */
final class PoolHolder {
  private PoolHolder() {}

  /**
   * Stands still until it is killed.
   *
   * @param arguments the pool, and the volume's name and uid
   */
  public static void main(String[] arguments) {
    Qcow2DirectoryDriver driver =
        new Qcow2DirectoryDriver(Path.of(arguments[0]), Duration.ofSeconds(30));
    ResourceId id = new ResourceId("volume", arguments[1], UUID.fromString(arguments[2]));
    driver.apply(
        new StandaloneContext().before("make disk", PoolHolder::stand),
        id,
        VolumeSpec.empty(1 << 20));
  }

  private static void stand() {
    try {
      Process left = new ProcessBuilder("sleep", "600").start();
      System.out.println(left.pid());
      int unused = System.in.read();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
