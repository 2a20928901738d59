package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.OsException;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/**
 * System calls as Java methods: a failure is an {@link OsException}. Each reads errno right after the
 * call, with nothing in between that could change thread or value.
 */
public final class SystemCalls {
  private static final LibC C = LibC.INSTANCE;
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();

  private SystemCalls() {}

  /**
   * Reads errno of the last call of this thread; meaningful only if that call failed.
   *
   * @return the error number
   */
  static int errno() {
    return LastError.getLastError(RUNTIME);
  }

  /**
   * Describes an error number.
   *
   * @param operation what was attempted
   * @param errno the error number
   * @return the exception, not yet thrown
   */
  public static OsException failure(Object operation, int errno) {
    return new OsException(operation.toString(), errno, name(errno), description(errno));
  }

  /**
   * Names an error number.
   *
   * @param errno the error number
   * @return its symbol, or {@code errno N} if it has none
   */
  public static String name(int errno) {
    Errno symbol = Errno.valueOf(errno);
    // One number on Linux, and JNR knows it by the name that the kernel does not use.
    if (errno == Errno.EOPNOTSUPP.intValue()) {
      return Errno.EOPNOTSUPP.name();
    }
    return symbol == Errno.__UNKNOWN_CONSTANT__ ? "errno " + errno : symbol.name();
  }

  /**
   * Explains an error number.
   *
   * @param errno the error number
   * @return what {@code strerror(3)} says
   */
  public static String description(int errno) {
    Errno symbol = Errno.valueOf(errno);
    return symbol == Errno.__UNKNOWN_CONSTANT__ ? "unknown error" : symbol.description();
  }

  /**
   * Opens a device or file.
   *
   * @param path where it is
   * @param flags as for open(2)
   * @return the descriptor, which the caller closes
   * @throws OsException if the kernel refuses
   */
  public static int open(String path, int flags) {
    int fd = C.open(path, flags);
    return fd >= 0 ? fd : fail("open " + path);
  }

  /**
   * Passes a structure to a device.
   *
   * @param operation what is attempted
   * @param fd the device
   * @param request the request's number
   * @param argument the structure, read and written
   * @throws OsException if the kernel refuses
   */
  public static void ioctl(Object operation, int fd, long request, NativeBuffer argument) {
    try {
      check(C.ioctl(fd, request, argument.address()), operation);
    } finally {
      Reference.reachabilityFence(argument);
    }
  }

  /**
   * Passes a number to a device.
   *
   * @param operation what is attempted
   * @param fd the device
   * @param request the request's number
   * @param value the number
   * @throws OsException if the kernel refuses
   */
  public static void ioctl(Object operation, int fd, long request, long value) {
    check(C.ioctl(fd, request, value), operation);
  }

  /**
   * Waits until a descriptor can be read.
   *
   * @param first a descriptor
   * @param second another, or -1
   * @param millis how long to wait at most
   * @param scratch at least 16 bytes
   * @return whether either can be read; false when time is up or a signal came
   * @throws OsException if the kernel refuses
   */
  public static boolean poll(int first, int second, int millis, NativeBuffer scratch) {
    // struct pollfd: int fd, short events, short revents; POLLIN is 1, poll.h
    scratch.bytes().putInt(0, first).putInt(4, 1).putInt(8, second).putInt(12, 1);
    try {
      int rc = C.poll(scratch.address(), 2, millis);
      if (rc < 0 && errno() == Errno.EINTR.intValue()) {
        return false;
      }
      check(rc, "poll");
      return rc > 0;
    } finally {
      Reference.reachabilityFence(scratch);
    }
  }

  /**
   * Reads what is there.
   *
   * @param operation what is attempted
   * @param fd the descriptor, non-blocking
   * @param into where to
   * @param length how much at most
   * @return bytes read, or -1 if there is nothing yet
   * @throws OsException if the kernel refuses
   */
  public static int read(Object operation, int fd, NativeBuffer into, int length) {
    try {
      return transferred(C.read(fd, into.address(), length), operation);
    } finally {
      Reference.reachabilityFence(into);
    }
  }

  /**
   * Writes.
   *
   * @param operation what is attempted
   * @param fd the descriptor, non-blocking
   * @param from what
   * @param length how much
   * @return bytes written, or -1 if there is no room yet
   * @throws OsException if the kernel refuses
   */
  public static int write(Object operation, int fd, NativeBuffer from, int length) {
    try {
      return transferred(C.write(fd, from.address(), length), operation);
    } finally {
      Reference.reachabilityFence(from);
    }
  }

  /**
   * Closes a descriptor. What close(2) reports is of no use: the descriptor is gone.
   *
   * @param fd the descriptor
   */
  public static void close(int fd) {
    int ignored = C.close(fd);
    assert ignored <= 0;
  }

  static int transferred(long rc, Object operation) {
    if (rc < 0) {
      int errno = errno();
      if (errno == Errno.EAGAIN.intValue() || errno == Errno.EINTR.intValue()) {
        return -1;
      }
      throw failure(operation, errno);
    }
    return Math.toIntExact(rc);
  }

  static void check(int rc, Object operation) {
    if (rc < 0) {
      fail(operation);
    }
  }

  static int fail(Object operation) {
    throw failure(operation, errno());
  }

  /**
   * Writes a name into a field of fixed size, filled up with zeros.
   *
   * @param buffer where to
   * @param offset where the field begins
   * @param size its bytes, including the final zero
   * @param name the name
   */
  public static void putName(NativeBuffer buffer, int offset, int size, String name) {
    byte[] padded = Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), size - 1);
    buffer.bytes().put(offset, padded).put(offset + size - 1, (byte) 0);
  }
}
