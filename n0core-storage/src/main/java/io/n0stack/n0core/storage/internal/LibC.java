package io.n0stack.n0core.storage.internal;

import java.nio.ByteBuffer;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Direct;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Variadic;

/**
 * The entry points of the C library that this module calls, named as in the manual. Paths are bytes
 * that end with a zero, structures direct buffers. None takes six arguments: JNR's stub for six passes
 * the last one wrongly, while seven go another way.
 */
@SuppressWarnings("MissingJavadocMethod") // each is its own manual page
public interface LibC {
  /** The binding of this process. */
  LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

  @Variadic(fixedCount = 3)
  int openat(int directory, @In byte[] path, int flags, int mode);

  int close(int fd);

  @Variadic(fixedCount = 2)
  int fcntl(int fd, int command, @Direct ByteBuffer structure);

  @Variadic(fixedCount = 2)
  int ioctl(int fd, long request, long argument);

  @Variadic(fixedCount = 2)
  int ioctl(int fd, long request, @Direct ByteBuffer structure);

  long lseek(int fd, long offset, int whence);

  long pread(int fd, @Direct ByteBuffer fromPosition, long length, long offset);

  long pwrite(int fd, @Direct ByteBuffer fromPosition, long length, long offset);

  int ftruncate(int fd, long length);

  int fallocate(int fd, int mode, long offset, long length);

  int fdatasync(int fd);

  int fsync(int fd);

  int syncfs(int fd);

  int sync_file_range(int fd, long offset, long length, int flags);

  int statx(int directory, @In byte[] path, int flags, int mask, @Direct ByteBuffer status);

  int fstatfs(int fd, @Direct ByteBuffer status);

  int linkat(int fromDirectory, @In byte[] from, int toDirectory, @In byte[] to, int flags);

  int renameat2(int fromDirectory, @In byte[] from, int toDirectory, @In byte[] to, int flags);

  int unlinkat(int directory, @In byte[] path, int flags);

  @SuppressWarnings("ParameterNumber") // as many as the kernel has
  @Variadic(fixedCount = 1)
  long syscall(
      long number, long first, long second, long third, long fourth, long fifth, long sixth);
}
