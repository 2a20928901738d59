package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.N0Exception;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/**
 * The entry point of a plugin jar: creates drivers. Declared in {@code META-INF/services} and, in a
 * named module, by {@code provides}.
 *
 * @since 0.1
 */
public interface DriverPlugin {
  /** The version of this SPI; raised when a driver written for an older one would misbehave. */
  int SPI_VERSION = 1;

  /**
   * Names the plugin.
   *
   * @return a lower-case RFC 1123 label; also the prefix of its configuration keys
   */
  String name();

  /**
   * Says which SPI the plugin was written for. Implementations return the literal number, not {@link
   * #SPI_VERSION}, which the compiler would copy from whatever version they are built against.
   *
   * @return the version, 1 now
   */
  int spiVersion();

  /**
   * Creates the plugin's drivers. Has no effect on the data plane.
   *
   * @param config the plugin's section of the configuration
   * @return new drivers, which the caller closes
   * @throws N0Exception INVALID for a configuration value that breaks a rule
   */
  List<Driver<?, ?>> create(PluginConfig config);

  /**
   * Finds the plugins on the class path and module path.
   *
   * @return the plugins, in no particular order
   * @throws N0Exception INTERNAL if a declared plugin cannot be loaded
   */
  static List<DriverPlugin> installed() {
    try {
      return ServiceLoader.load(DriverPlugin.class).stream()
          .map(ServiceLoader.Provider::get)
          .toList();
    } catch (ServiceConfigurationError e) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL, "plugins", "load driver plugins: " + e.getMessage(), e);
    }
  }

  /**
   * Creates the drivers of all installed plugins.
   *
   * @param config keys of the form {@code PLUGIN.KEY}
   * @return new drivers, which the caller closes
   * @throws N0Exception UNSUPPORTED for a plugin of another SPI version; INVALID for two drivers of one
   *     kind, or a key that no plugin knows
   */
  static List<Driver<?, ?>> drivers(Map<String, String> config) {
    List<DriverPlugin> plugins = installed();
    plugins.forEach(DriverPlugin::requireVersion);
    PluginConfig.requirePlugins(config, plugins.stream().map(DriverPlugin::name).toList());
    List<Driver<?, ?>> drivers = new ArrayList<>();
    boolean complete = false;
    try {
      Map<String, String> kinds = new HashMap<>();
      for (DriverPlugin plugin : plugins) {
        PluginConfig section = PluginConfig.section(plugin.name(), config);
        List<Driver<?, ?>> created = plugin.create(section);
        drivers.addAll(created);
        created.forEach(driver -> requireAlone(driver.describe().kind(), plugin.name(), kinds));
        section.requireAllRead();
      }
      complete = true;
      return List.copyOf(drivers);
    } finally {
      if (!complete) {
        drivers.forEach(Driver::close); // nobody else will ever have them
      }
    }
  }

  private static void requireAlone(String kind, String plugin, Map<String, String> kinds) {
    String other = kinds.put(kind, plugin);
    if (other != null) {
      throw N0Exception.invalid(
          "plugin",
          plugin,
          "plugin \"" + other + "\" already drives kind \"" + kind
              + "\"; keep one of the two jars");
    }
  }

  private static void requireVersion(DriverPlugin plugin) {
    if (plugin.spiVersion() != SPI_VERSION) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "plugin \"" + plugin.name() + "\"",
          "load plugin \"" + plugin.name() + "\": written for SPI " + plugin.spiVersion()
              + ", this agent speaks " + SPI_VERSION);
    }
  }
}
