package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Creates the storage driver from the keys {@code storage.directory}, {@code
 * storage.qemu-img-timeout} and {@code storage.cache-bytes}.
 *
 * @since 0.1
 */
public final class StoragePlugin implements DriverPlugin {
  /** Where volumes are kept unless the configuration says otherwise. */
  public static final Path DIRECTORY = Path.of("/var/lib/n0core/volumes");

  /** How long {@code qemu-img} may take for what does not copy data, unless configured. */
  public static final Duration QEMU_IMG_TIMEOUT = Duration.ofSeconds(60);

  /** What all images that were downloaded may take, unless configured: 64 GiB. */
  public static final long CACHE_BYTES = 64L << 30;

  /** Creates the plugin; called by the service loader. */
  public StoragePlugin() {}

  @Override
  public String name() {
    return "storage";
  }

  @Override
  public int spiVersion() {
    return 1;
  }

  @Override
  public List<Driver<?, ?>> create(PluginConfig config) {
    return List.of(new Qcow2DirectoryDriver(
        config.path("directory", DIRECTORY),
        config.seconds("qemu-img-timeout", QEMU_IMG_TIMEOUT),
        config.number("cache-bytes", CACHE_BYTES, 1, Long.MAX_VALUE)));
  }
}
