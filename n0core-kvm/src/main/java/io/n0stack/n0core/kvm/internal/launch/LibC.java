package io.n0stack.n0core.kvm.internal.launch;

import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.annotations.SaveError;

/** The entry points of the C library that this package calls, named as in the manual. */
@SuppressWarnings("MissingJavadocMethod") // each is its own manual page
public interface LibC {
  /** The binding of this process. */
  LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

  @SaveError
  long getxattr(@In byte[] path, @In byte[] name, @Out byte[] value, long size);

  @SaveError
  int setxattr(@In byte[] path, @In byte[] name, @In byte[] value, long size, int flags);
}
