package io.n0stack.n0core.net.internal;

import java.nio.ByteBuffer;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Direct;
import jnr.ffi.annotations.Variadic;

/**
 * The entry points of the C library that this module calls, named as in the manual. Addresses are
 * raw numbers: the cheapest argument there is. None takes six arguments: JNR's stub for recvfrom(2)
 * crashed a JVM 17.
 */
@SuppressWarnings("MissingJavadocMethod") // each is its own manual page
public interface LibC {
  /** The binding of this process. */
  LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

  int socket(int domain, int type, int protocol);

  int bind(int fd, long address, int length);

  int getsockname(int fd, long address, long length);

  int setsockopt(int fd, int level, int option, long value, int length);

  long send(int fd, long buffer, long length, int flags);

  int connect(int fd, long address, int length);

  long recv(int fd, long buffer, long length, int flags);

  long recvmsg(int fd, long message, int flags);

  int poll(long fds, long count, int timeoutMillis);

  int eventfd(int value, int flags);

  long read(int fd, long buffer, long length);

  long read(int fd, @Direct ByteBuffer fromPosition, long length);

  long write(int fd, long buffer, long length);

  long write(int fd, @Direct ByteBuffer fromPosition, long length);

  int open(String path, int flags);

  @Variadic(fixedCount = 2)
  int ioctl(int fd, long request, long argument);

  int close(int fd);

  @Variadic(fixedCount = 1)
  long syscall(long number, long first, long second, long third, long fourth);

  int setns(int fd, int type);

  int unshare(int flags);

  int mount(String source, String target, String type, long flags, long data);

  int umount2(String target, int flags);
}
