package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.util.List;

/**
 * Brings {@link QemuMachineDriver}; configured by the keys that begin with {@code kvm.}.
 *
 * @since 0.1
 */
public final class KvmPlugin implements DriverPlugin {
  /** Creates the plugin, as ServiceLoader does. */
  public KvmPlugin() {}

  @Override
  public String name() {
    return "kvm";
  }

  @Override
  public int spiVersion() {
    return 1;
  }

  @Override
  public List<Driver<?, ?>> create(PluginConfig config) {
    return List.of(new QemuMachineDriver(KvmConfig.read(config)));
  }
}
