/** A plugin to copy: volumes as sparse files. */
module io.n0stack.n0core.examples.rawvolumes {
  exports io.n0stack.n0core.examples.rawvolumes;

  requires transitive io.n0stack.n0core.api;

  provides io.n0stack.n0core.api.driver.DriverPlugin with
      io.n0stack.n0core.examples.rawvolumes.RawVolumesPlugin;
}
