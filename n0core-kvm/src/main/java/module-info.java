/** QEMU/KVM compute driver and its QMP client. */
module io.n0stack.n0core.kvm {
  exports io.n0stack.n0core.kvm;
  exports io.n0stack.n0core.kvm.guest;
  exports io.n0stack.n0core.kvm.qapi;
  exports io.n0stack.n0core.kvm.qmp;

  requires transitive io.n0stack.n0core.api;
  requires com.fasterxml.jackson.databind;
  requires com.fasterxml.jackson.datatype.jdk8;
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

  // JNR implements the interfaces in there by classes in an unnamed module that it makes at run
  // time.
  opens io.n0stack.n0core.kvm.internal;

  provides io.n0stack.n0core.api.driver.DriverPlugin with
      io.n0stack.n0core.kvm.KvmPlugin;
}
