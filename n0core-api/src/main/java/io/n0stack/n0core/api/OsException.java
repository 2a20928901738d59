package io.n0stack.n0core.api;

/**
 * The kernel refused a request; carries the error number it answered with, see {@code errno(3)}.
 *
 * @since 0.1
 */
public class OsException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final int errno;
  private final String errnoName;

  /**
   * Creates an exception for a failed system call or netlink request.
   *
   * @param operation what was attempted, such as {@code add link "br0"}
   * @param errno the positive error number
   * @param errnoName its symbol, such as {@code EEXIST}; decides {@link #code()}
   * @param description the reason in words
   */
  public OsException(String operation, int errno, String errnoName, String description) {
    super(codeOf(errnoName), operation, operation + ": " + description + " (" + errnoName + ")");
    this.errno = errno;
    this.errnoName = errnoName;
  }

  /**
   * Returns the positive error number.
   *
   * @return the error number, as in {@code errno(3)}
   */
  public int errno() {
    return errno;
  }

  /**
   * Returns the symbol of the error number.
   *
   * @return a name such as {@code EPERM}
   */
  public String errnoName() {
    return errnoName;
  }

  private static Code codeOf(String errnoName) {
    return switch (errnoName) {
      case "EEXIST" -> Code.ALREADY_EXISTS;
      case "ENOENT", "ENODEV", "ESRCH", "EADDRNOTAVAIL", "ENXIO" -> Code.NOT_FOUND;
      case "EPERM", "EACCES", "EROFS" -> Code.PERMISSION;
      case "EBUSY", "EAGAIN", "ETXTBSY" -> Code.BUSY;
      case "EINVAL", "ERANGE", "ELOOP", "ENAMETOOLONG", "EBADF" -> Code.INVALID;
      case "ENOSPC", "ENOMEM", "EMFILE", "ENFILE", "EDQUOT", "EXFULL", "ENOBUFS" -> Code.EXHAUSTED;
      case "EOPNOTSUPP", "ENOTSUP", "ENOSYS", "EPROTONOSUPPORT", "EAFNOSUPPORT", "ENOTTY" ->
        Code.UNSUPPORTED;
      case "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ECONNREFUSED", "ECONNRESET", "EPIPE" ->
        Code.UNAVAILABLE;
      default -> Code.INTERNAL;
    };
  }
}
