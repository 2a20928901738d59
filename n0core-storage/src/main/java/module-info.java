/** Volumes and images on the host's file systems. */
module io.n0stack.n0core.storage {
  exports io.n0stack.n0core.storage;
  exports io.n0stack.n0core.storage.qcow2;

  requires transitive io.n0stack.n0core.api;
  requires com.fasterxml.jackson.databind;
  requires org.jnrproject.posix;
  requires org.slf4j;
  requires static transitive org.jspecify;

  provides io.n0stack.n0core.api.driver.DriverPlugin with
      io.n0stack.n0core.storage.StoragePlugin;
}
