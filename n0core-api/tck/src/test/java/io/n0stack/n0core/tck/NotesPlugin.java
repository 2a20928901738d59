package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.nio.file.Path;
import java.util.List;

/** The plugin of the kit's own tests: drives notes, which are text files. */
public final class NotesPlugin implements DriverPlugin {
  /** Creates the plugin; called by the service loader. */
  public NotesPlugin() {}

  @Override
  public String name() {
    return "notes";
  }

  @Override
  public int spiVersion() {
    return 1;
  }

  @Override
  public List<Driver<?, ?>> create(PluginConfig config) {
    return List.of(new NoteDriver(config.path("directory", Path.of("/var/lib/notes"))));
  }
}
