/** Volumes and images on the host's file systems. */
module io.n0stack.n0core.storage {
  exports io.n0stack.n0core.storage;
  exports io.n0stack.n0core.storage.fetch;
  exports io.n0stack.n0core.storage.file;
  exports io.n0stack.n0core.storage.live;
  exports io.n0stack.n0core.storage.qcow2;
  exports io.n0stack.n0core.storage.qemuimg;
  exports io.n0stack.n0core.storage.seed;

  requires transitive io.n0stack.n0core.api;
  requires com.fasterxml.jackson.databind;
  requires com.github.luben.zstd_jni;
  requires java.net.http;
  requires org.jnrproject.constants;
  requires org.jnrproject.ffi;
  requires org.slf4j;
  requires org.tukaani.xz;
  requires static transitive org.jspecify;
  // JNR generates its stubs with ASM; being an automatic module it cannot say so itself.
  requires org.objectweb.asm;
  requires org.objectweb.asm.commons;
  requires org.objectweb.asm.tree;
  requires org.objectweb.asm.tree.analysis;
  requires org.objectweb.asm.util;

  // JNR implements the interface in there by a class in an unnamed module that it makes at run
  // time.
  opens io.n0stack.n0core.storage.internal;

  provides io.n0stack.n0core.api.driver.DriverPlugin with
      io.n0stack.n0core.storage.StoragePlugin;
}
