package io.n0stack.n0core.kvm.internal;

import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;
import jnr.ffi.annotations.SaveError;
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
  @SaveError
  int open(@In byte[] path, int flags, int mode);

  @SaveError
  int socket(int domain, int type, int protocol);

  @SaveError
  int setns(int fd, int type);

  @SaveError
  int connect(int fd, long address, int length);

  @SaveError
  int getsockopt(int fd, int level, int option, long value, long length);

  @SaveError
  long send(int fd, long buffer, long length, int flags);

  @SaveError
  long sendmsg(int fd, long message, int flags);

  @SaveError
  long recv(int fd, long buffer, long length, int flags);

  @SaveError
  int poll(long fds, long count, int timeoutMillis);

  @SaveError
  int shutdown(int fd, int how);

  @Variadic(fixedCount = 2)
  @SaveError
  int fcntl(int fd, int command, long argument);

  @SaveError
  int close(int fd);

  @SaveError
  long getxattr(@In byte[] path, @In byte[] name, @Out byte[] value, long size);

  @SaveError
  int setxattr(@In byte[] path, @In byte[] name, @In byte[] value, long size, int flags);
}
