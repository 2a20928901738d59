/** A plugin to copy: machines that are plain processes. */
module io.n0stack.n0core.examples.processmachines {
  exports io.n0stack.n0core.examples.processmachines;

  requires transitive io.n0stack.n0core.api;

  provides io.n0stack.n0core.api.driver.DriverPlugin with
      io.n0stack.n0core.examples.processmachines.ProcessMachinesPlugin;
}
