package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.nio.file.Path;

/**
 * How networks and ports are made on this host.
 *
 * @param directory where the DHCP server of each network has its files; others must be able to search
 *     it and all above it, for the server gives up its rights
 * @param dnsmasq the DHCP server, an absolute path or a name on PATH
 * @param table the name of the tables of nftables, 1 to 63 letters, digits, {@code _} and {@code -}; one
 *     for each agent in a network namespace
 * @since 0.1
 */
public record NetConfig(Path directory, String dnsmasq, String table) {
  /** Where DHCP servers have their files unless the configuration says otherwise. */
  public static final Path DIRECTORY = Path.of("/var/lib/n0core/net");

  private static final String DNSMASQ = "dnsmasq";
  private static final String TABLE = "n0core";
  private static final int LONGEST_PATH = 4095; // PATH_MAX - 1, linux/limits.h

  /** Checks all. */
  public NetConfig {
    Rules.absolutePath("net.directory", directory);
    Rules.text("net.dnsmasq", dnsmasq, LONGEST_PATH);
    if (!table.matches("[A-Za-z0-9_-]{1,63}")) {
      throw N0Exception.invalid("net.table", table, "must be 1 to 63 letters, digits, '_' and '-'");
    }
  }

  /**
   * Uses the defaults for all but the directory.
   *
   * @param directory where DHCP servers have their files
   * @return a configuration
   */
  public static NetConfig of(Path directory) {
    return new NetConfig(directory, DNSMASQ, TABLE);
  }

  static NetConfig read(PluginConfig config) {
    return new NetConfig(
        config.path("directory", DIRECTORY),
        config.text("dnsmasq").orElse(DNSMASQ),
        config.text("table").orElse(TABLE));
  }
}
