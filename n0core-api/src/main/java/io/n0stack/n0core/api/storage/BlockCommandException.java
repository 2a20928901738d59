package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import java.util.Locale;

/**
 * QEMU answered a command on its block devices with an error; the command has had no effect.
 *
 * @since 0.1
 */
public class BlockCommandException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final String command;
  private final String errorClass;
  private final String description;

  /**
   * Creates an exception for a refusal.
   *
   * @param subject whom was asked, such as {@code machine "web1"}
   * @param command the command's name
   * @param errorClass QMP's class of the error, such as {@code GenericError}
   * @param description QEMU's text; with the class it decides {@link #code()}
   */
  public BlockCommandException(
      String subject, String command, String errorClass, String description) {
    super(
        codeOf(errorClass, description),
        subject,
        command + " on " + subject + ": " + description + " (" + errorClass + ")");
    this.command = command;
    this.errorClass = errorClass;
    this.description = description;
  }

  /**
   * Returns what QEMU refused.
   *
   * @return the command's name
   */
  public String command() {
    return command;
  }

  /**
   * Returns QMP's class of the error.
   *
   * @return a name such as {@code GenericError} or {@code CommandNotFound}
   */
  public String errorClass() {
    return errorClass;
  }

  /**
   * Returns QEMU's text.
   *
   * @return a sentence, for people
   */
  public String description() {
    return description;
  }

  /** QEMU's block layer answers almost everything with GenericError: only the text tells them apart. */
  private static Code codeOf(String errorClass, String description) {
    if (errorClass.equals("CommandNotFound") || errorClass.equals("KVMMissingCap")) {
      return Code.UNSUPPORTED;
    }
    String text = description.toLowerCase(Locale.ROOT);
    if (has(text, "no space left on device", "disk quota exceeded")) {
      return Code.EXHAUSTED;
    }
    if (has(text, "permission denied", "read-only file system", "operation not permitted")) {
      return Code.PERMISSION;
    }
    if (has(text, "\" lock", " is busy", " in use", "permission conflict")) {
      return Code.BUSY;
    }
    if (errorClass.equals("DeviceNotFound")
        || has(
            text, "no such file", "not found", "not be found", "cannot find", "failed to find")) {
      return Code.NOT_FOUND;
    }
    return Code.PRECONDITION;
  }

  private static boolean has(String text, String... parts) {
    for (String part : parts) {
      if (text.contains(part)) {
        return true;
      }
    }
    return false;
  }
}
