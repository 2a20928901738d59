package io.n0stack.n0core.storage.internal;

import java.nio.ByteBuffer;
import jnr.ffi.LibraryLoader;
import jnr.ffi.annotations.Direct;
import jnr.ffi.annotations.Variadic;

/**
 * The entry points of the C library that this module calls, named as in the manual. Paths, which end
 * with a zero, and structures are addresses: JNR has a stub of few instructions for what takes nothing
 * but numbers, and the other way is long, which counts where it is cold. None takes six arguments:
 * JNR's stub for six passes the last one wrongly, while seven go another way.
 *
 * <p>{@code openat} and {@code fcntl} are variadic in C and not marked so, for the same reason: Linux
 * passes numbers to both sorts alike.
 */
@SuppressWarnings("MissingJavadocMethod") // each is its own manual page
public interface LibC {
  /** The binding of this process. */
  LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

  int openat(int directory, long path, int flags, int mode);

  int close(int fd);

  int fcntl(int fd, int command, long structure);

  @Variadic(fixedCount = 2)
  int ioctl(int fd, long request, long argument);

  @Variadic(fixedCount = 2)
  int ioctl(int fd, long request, @Direct ByteBuffer structure);

  long lseek(int fd, long offset, int whence);

  long pread(int fd, @Direct ByteBuffer fromPosition, long length, long offset);

  long pwrite(int fd, @Direct ByteBuffer fromPosition, long length, long offset);

  long pwrite(int fd, long bytes, long length, long offset);

  int ftruncate(int fd, long length);

  int fallocate(int fd, int mode, long offset, long length);

  int fdatasync(int fd);

  int fsync(int fd);

  int syncfs(int fd);

  int sync_file_range(int fd, long offset, long length, int flags);

  int statx(int directory, long path, int flags, int mask, long status);

  int fstatfs(int fd, long status);

  int linkat(int fromDirectory, long from, int toDirectory, long to, int flags);

  int renameat2(int fromDirectory, long from, int toDirectory, long to, int flags);

  int unlinkat(int directory, long path, int flags);

  @SuppressWarnings("ParameterNumber") // as many as the kernel has
  @Variadic(fixedCount = 1)
  long syscall(
      long number, long first, long second, long third, long fourth, long fifth, long sixth);
}
