/** Clients for the kernel's links, taps and packet filter, and the network and port drivers on them. */
module io.n0stack.n0core.net {
  exports io.n0stack.n0core.net;
  exports io.n0stack.n0core.net.netlink;
  exports io.n0stack.n0core.net.nft;
  exports io.n0stack.n0core.net.tap;

  requires transitive io.n0stack.n0core.api;
  requires org.jnrproject.constants;
  requires org.jnrproject.ffi;
  requires org.slf4j;
  requires static transitive org.jspecify;
  // JNR generates its stubs with ASM; being an automatic module it cannot say so itself.
  requires org.objectweb.asm;
  requires org.objectweb.asm.commons;
  requires org.objectweb.asm.tree;
  requires org.objectweb.asm.tree.analysis;
  requires org.objectweb.asm.util;

  // JNR implements the interface in there by a class in an unnamed module that it makes at run
  // time.
  opens io.n0stack.n0core.net.internal;

  provides io.n0stack.n0core.api.driver.DriverPlugin with
      io.n0stack.n0core.net.NetPlugin;
}
