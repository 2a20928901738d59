package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * {@code qemu-img} refused a request; carries its exit code and what it wrote.
 *
 * @since 0.1
 */
public class QemuImgException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private static final int SIGNALLED = 128;
  // SIGKILL of the kernel, out of memory or of processor time; SIGXCPU; SIGXFSZ: file size.
  private static final Set<Integer> EXHAUSTING = Set.of(9, 24, 25);

  /** What a line says, and what that means; the system's own words stand at the end of one. */
  private record Reason(Pattern pattern, Code code) {
    static Reason of(String regex, Code code) {
      return new Reason(Pattern.compile(regex, Pattern.MULTILINE), code);
    }

    /** The system's own words end a line, in parentheses after their number at times. */
    static Reason ofSystem(String regex, Code code) {
      return of("(" + regex + ")\\)?$", code);
    }
  }

  private static final List<Reason> REASONS = List.of(
      Reason.of("Failed to get .*lock$|Failed to lock byte", Code.BUSY),
      Reason.ofSystem(
          "No space left on device|Disk quota exceeded|Cannot allocate memory", Code.EXHAUSTED),
      Reason.of(
          "[Ff]ailed to allocate|qemu_thread_create: Resource temporarily unavailable",
          Code.EXHAUSTED),
      Reason.of("Unable to get accurate CPU usage", Code.UNAVAILABLE),
      Reason.ofSystem(
          "Permission denied|Operation not permitted|Read-only file system", Code.PERMISSION),
      Reason.of("Invalid password, cannot unlock any keyslot", Code.PERMISSION),
      Reason.ofSystem("Input/output error", Code.UNAVAILABLE),
      Reason.ofSystem("No such file or directory", Code.NOT_FOUND),
      Reason.of(
          "snapshot not found|Can't find the snapshot|Failed to load snapshot", Code.NOT_FOUND),
      Reason.of("Dirty bitmap '.*' not found|Did not find bitmap", Code.NOT_FOUND),
      Reason.of("Bitmap already exists", Code.ALREADY_EXISTS),
      Reason.ofSystem("File too large", Code.INVALID),
      Reason.of("is not in .* format|not a VMDK image|Image not in .* format", Code.INVALID),
      Reason.of("Use the --shrink option", Code.INVALID),
      Reason.of("(is|marked) corrupt|Image is corrupt", Code.PRECONDITION),
      Reason.of("key-secret' (parameter )?is required", Code.PRECONDITION),
      Reason.of("Unknown (driver|file format)|[Uu]nsupported|not support", Code.UNSUPPORTED),
      Reason.ofSystem("Invalid argument", Code.INVALID));

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
    super(
        codeOf(exitCode, stderr),
        operation,
        operation + ": exit code " + exitCode + ": " + stderr.strip());
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

  private static Code codeOf(int exitCode, String stderr) {
    for (Reason reason : REASONS) {
      if (reason.pattern().matcher(stderr).find()) {
        return reason.code();
      }
    }
    return EXHAUSTING.contains(exitCode - SIGNALLED) ? Code.EXHAUSTED : Code.INTERNAL;
  }
}
