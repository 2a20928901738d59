package io.n0stack.n0core.storage;

import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Drivers whose real {@code qemu-img} is told to make LUKS keys that take 10 ms of work to try, instead of 2 s: each
 * time that an image is made or opened.
 */
public final class QuickKeys {
  private QuickKeys() {}

  /**
   * Makes a driver.
   *
   * @param pool its directory
   * @param scripts where its program goes
   * @return a driver, which the caller closes
   */
  public static Qcow2DirectoryDriver driver(Path pool, Path scripts) throws IOException {
    Path program = Images.script(scripts.resolve("quick-qemu-img"), """
        for a; do
          shift
          set -- "$@" "$(printf '%s' "$a" | sed 's/iter-time=2000/iter-time=10/')"
        done
        exec qemu-img "$@"
        """);
    return new Qcow2DirectoryDriver(
        pool,
        new QemuImg(Settings.standard().withProgram(program.toString())),
        Duration.ofSeconds(30),
        StoragePlugin.CACHE_BYTES);
  }
}
