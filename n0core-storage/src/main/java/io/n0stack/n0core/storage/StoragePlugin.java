package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import io.n0stack.n0core.storage.fetch.AddressPolicy;
import io.n0stack.n0core.storage.fetch.ImageFetcher;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Creates the storage driver from the keys {@code storage.directory}, {@code
 * storage.qemu-img-timeout}, {@code storage.cache-bytes}, {@code storage.fetch-addresses} and {@code
 * storage.fetch-proxy}.
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

  private static final Pattern PROXY = Pattern.compile(
      "(?<host>[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\]):(?<port>[1-9][0-9]{0,4})");
  private static final int MOST_PORT = 0xffff;

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
        config.number("cache-bytes", CACHE_BYTES, 1, Long.MAX_VALUE),
        fetcher(config)));
  }

  private static ImageFetcher fetcher(PluginConfig config) {
    ImageFetcher.Builder fetcher = ImageFetcher.builder()
        .addresses(config.choice(
            "fetch-addresses", AddressPolicy.class, AddressPolicy.PUBLIC_STAYS_PUBLIC));
    config.text("fetch-proxy").map(StoragePlugin::proxy).ifPresent(fetcher::proxy);
    return fetcher.build();
  }

  /** Leaves the name to be resolved when it is needed. */
  private static InetSocketAddress proxy(String text) {
    Matcher parts = PROXY.matcher(text);
    if (!parts.matches() || Integer.parseInt(parts.group("port")) > MOST_PORT) {
      throw N0Exception.invalid(
          "storage.fetch-proxy", text, "must be host:port, with a port of 1 to " + MOST_PORT);
    }
    return InetSocketAddress.createUnresolved(
        parts.group("host"), Integer.parseInt(parts.group("port")));
  }
}
