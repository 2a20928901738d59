package io.n0stack.n0core.net;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.util.List;

/**
 * Brings the drivers for networks and ports. Has no configuration keys.
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
    NetlinkNetworkDriver networks = NetlinkNetworkDriver.open();
    try {
      return List.of(networks, TapPortDriver.open());
    } catch (OsException e) {
      networks.close();
      throw e;
    }
  }
}
