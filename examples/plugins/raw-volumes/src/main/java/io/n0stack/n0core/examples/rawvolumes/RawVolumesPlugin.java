package io.n0stack.n0core.examples.rawvolumes;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.nio.file.Path;
import java.util.List;

/** Creates the driver from the key {@code raw-volumes.directory}. */
public final class RawVolumesPlugin implements DriverPlugin {
  /** Creates the plugin; called by the service loader. */
  public RawVolumesPlugin() {}

  @Override
  public String name() {
    return "raw-volumes";
  }

  @Override
  public int spiVersion() {
    return 1;
  }

  @Override
  public List<Driver<?, ?>> create(PluginConfig config) {
    return List.of(new RawVolumeDriver(config.path("directory", Path.of("/var/lib/raw-volumes"))));
  }
}
