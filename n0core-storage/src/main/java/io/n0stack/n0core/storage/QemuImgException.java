package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;

/**
 * {@code qemu-img} refused a request; carries its exit code and what it wrote.
 *
 * @since 0.1
 */
public class QemuImgException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final int exitCode;
  private final String stderr;

  /**
   * Creates an exception for a run of {@code qemu-img} that failed.
   *
   * @param operation what was attempted, such as {@code qemu-img resize "/pool/disk.qcow2"}
   * @param exitCode its exit code, 128 and the signal's number if it was killed
   * @param stderr what it wrote on standard error, as cut to the limit; decides {@link #code()}
   */
  public QemuImgException(String operation, int exitCode, String stderr) {
    super(codeOf(stderr), operation, operation + ": exit code " + exitCode + ": " + stderr.strip());
    this.exitCode = exitCode;
    this.stderr = stderr;
  }

  /**
   * Returns the exit code.
   *
   * @return a number other than zero
   */
  public int exitCode() {
    return exitCode;
  }

  /**
   * Returns what was written on standard error.
   *
   * @return the text in the C locale, cut to 64 KiB
   */
  public String stderr() {
    return stderr;
  }

  private static Code codeOf(String stderr) {
    if (stderr.contains("Failed to get \"") && stderr.contains("lock")) {
      return Code.BUSY;
    }
    if (stderr.contains("No space left on device") || stderr.contains("Disk quota exceeded")) {
      return Code.EXHAUSTED;
    }
    if (stderr.contains("Permission denied") || stderr.contains("Read-only file system")) {
      return Code.PERMISSION;
    }
    if (stderr.contains("Input/output error")) {
      return Code.UNAVAILABLE;
    }
    return stderr.contains("File too large") ? Code.INVALID : Code.INTERNAL;
  }
}
