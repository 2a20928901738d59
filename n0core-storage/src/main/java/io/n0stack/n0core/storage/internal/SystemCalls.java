package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import java.nio.charset.Charset;
import java.util.function.LongSupplier;
import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/** Results of system calls as Java has them. */
public final class SystemCalls {
  private static final Runtime RUNTIME = Runtime.getSystemRuntime();
  // The JDK's own encoding of file names, which need not be the one of texts.
  static final Charset NAMES = Charset.forName(
      System.getProperty("sun.jnu.encoding", Charset.defaultCharset().name()));

  private SystemCalls() {}

  /** What {@link #result} gives for a call that a signal interrupted, and that is to be made again. */
  static final long INTERRUPTED = -Errno.EINTR.intValue();

  /**
   * Takes what a call returned. Unlike {@link #attempt} it needs no object for the call, which counts
   * where the code is cold.
   *
   * @param returned what it returned, just now
   * @return the same, or the negative error number
   */
  static long result(long returned) {
    return returned >= 0 ? returned : -LastError.getLastError(RUNTIME);
  }

  /**
   * Makes a call, again while signals interrupt it.
   *
   * @param call the call
   * @return what it returned, or the negative error number
   */
  static long attempt(LongSupplier call) {
    while (true) {
      long result = result(call.getAsLong());
      if (result != INTERRUPTED) {
        return result;
      }
    }
  }

  /**
   * Tells whether a result is an error.
   *
   * @param result a negative error number or anything else
   * @param errors the errors looked for
   * @return whether it is one of them
   */
  public static boolean is(long result, Errno... errors) {
    if (result < 0) {
      for (Errno error : errors) {
        if (error.intValue() == -result) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Requires that a call succeeded.
   *
   * @param result what it returned, or the negative error number
   * @param operation what was attempted
   * @param file on what
   * @return the result
   * @throws OsException if it is an error
   */
  public static long check(long result, String operation, Object file) {
    if (result < 0) {
      throw failure(result, operation, file);
    }
    return result;
  }

  /**
   * Describes an error.
   *
   * @param result the negative error number
   * @param operation what was attempted
   * @param file on what
   * @return the exception, not yet thrown
   */
  public static OsException failure(long result, String operation, Object file) {
    int errno = Math.toIntExact(-result);
    Errno symbol = Errno.valueOf(errno);
    String what = operation + " " + Rules.quote(file.toString());
    if (symbol == Errno.__UNKNOWN_CONSTANT__) {
      return new OsException(what, errno, "errno " + errno, "unknown error");
    }
    // One number on Linux, and JNR knows it by the name that the kernel does not use.
    String name = errno == Errno.EOPNOTSUPP.intValue() ? "EOPNOTSUPP" : symbol.name();
    return new OsException(what, errno, name, symbol.description());
  }

  /**
   * Says that a thread was interrupted, if it was.
   *
   * @param operation what it was doing
   * @param file with what
   * @throws N0Exception CANCELLED, with the flag set again
   */
  public static void requireNotInterrupted(String operation, Object file) {
    if (Thread.interrupted()) {
      throw N0Exception.interrupted(
          operation + " " + Rules.quote(file.toString()), new InterruptedException());
    }
  }
}
