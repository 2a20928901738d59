package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;

/**
 * QEMU answered a command with an error; the command has had no effect.
 *
 * @since 0.1
 */
public final class QmpException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final String errorClass;
  private final String command;
  private final String description;

  QmpException(String monitor, String command, String errorClass, String description) {
    super(
        code(errorClass),
        monitor,
        command + " on " + monitor + ": " + description + " (" + errorClass + ")");
    this.errorClass = errorClass;
    this.command = command;
    this.description = description;
  }

  private static Code code(String errorClass) {
    return switch (errorClass) {
      case "CommandNotFound", "KVMMissingCap" -> Code.UNSUPPORTED;
      case "DeviceNotFound" -> Code.NOT_FOUND;
      default -> Code.PRECONDITION;
    };
  }

  /**
   * Returns QMP's error class.
   *
   * @return a name such as {@code GenericError} or {@code CommandNotFound}
   */
  public String errorClass() {
    return errorClass;
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
   * Returns QEMU's text.
   *
   * @return a sentence, for people
   */
  public String description() {
    return description;
  }
}
