package io.n0stack.n0core.net;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.util.List;

/**
 * Brings the drivers for networks and ports, configured by {@code net.directory}, where DHCP servers have
 * their files, {@code net.dnsmasq}, their program, and {@code net.table}, the name of the tables of
 * nftables; see {@link NetConfig}.
 *
 * @since 0.1
 */
public final class NetPlugin implements DriverPlugin {
  /** Called by {@link java.util.ServiceLoader}. */
  public NetPlugin() {}

  @Override
  public String name() {
    return "net";
  }

  @Override
  public int spiVersion() {
    return 1;
  }

  @Override
  public List<Driver<?, ?>> create(PluginConfig config) {
    NetConfig read = NetConfig.read(config);
    NetlinkNetworkDriver networks = NetlinkNetworkDriver.open(read);
    try {
      return List.of(networks, TapPortDriver.open(read));
    } catch (OsException e) {
      networks.close();
      throw e;
    }
  }
}
