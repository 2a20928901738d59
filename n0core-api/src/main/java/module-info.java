/** The contracts between agents and drivers: SPI, specs, node model and store. */
module io.n0stack.n0core.api {
  exports io.n0stack.n0core.api;
  exports io.n0stack.n0core.api.compute;
  exports io.n0stack.n0core.api.driver;
  exports io.n0stack.n0core.api.network;
  exports io.n0stack.n0core.api.node;
  exports io.n0stack.n0core.api.storage;
  exports io.n0stack.n0core.api.store;

  requires static transitive org.jspecify;

  uses io.n0stack.n0core.api.driver.DriverPlugin;
}
