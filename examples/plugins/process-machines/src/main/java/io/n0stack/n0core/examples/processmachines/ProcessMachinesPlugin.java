package io.n0stack.n0core.examples.processmachines;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.nio.file.Path;
import java.util.List;

/** Creates the driver from the key {@code process-machines.directory}. */
public final class ProcessMachinesPlugin implements DriverPlugin {
  /** Creates the plugin; called by the service loader. */
  public ProcessMachinesPlugin() {}

  @Override
  public String name() {
    return "process-machines";
  }

  @Override
  public int spiVersion() {
    return 1;
  }

  @Override
  public List<Driver<?, ?>> create(PluginConfig config) {
    return List.of(
        new ProcessMachineDriver(config.path("directory", Path.of("/var/lib/process-machines"))));
  }
}
