package io.n0stack.n0core.kvm.internal;

import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Variadic;

/**
 * The entry points of the C library that this module calls, named as in the manual. Addresses are
 * raw numbers: the cheapest argument there is.
 */
@SuppressWarnings("MissingJavadocMethod") // each is its own manual page
public interface LibC {
  /** The binding of this process. */
  LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

  @Variadic(fixedCount = 2)
  int open(@In byte[] path, int flags, int mode);

  int socket(int domain, int type, int protocol);

  int connect(int fd, long address, int length);

  long send(int fd, long buffer, long length, int flags);

  long sendmsg(int fd, long message, int flags);

  long recv(int fd, long buffer, long length, int flags);

  int poll(long fds, long count, int timeoutMillis);

  int shutdown(int fd, int how);

  @Variadic(fixedCount = 2)
  int fcntl(int fd, int command, long argument);

  int close(int fd);
}
