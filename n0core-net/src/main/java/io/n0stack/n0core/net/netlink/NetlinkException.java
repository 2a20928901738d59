package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The kernel refused a netlink request; carries what it said beyond the error number.
 *
 * @since 0.1
 */
public final class NetlinkException extends OsException {
  private static final long serialVersionUID = 1L;

  private final String kernelMessage;
  private final int offset;

  NetlinkException(String operation, int errno, String kernelMessage, int offset) {
    super(operation, errno, SystemCalls.name(errno), reason(errno, kernelMessage, offset));
    this.kernelMessage = kernelMessage;
    this.offset = offset;
  }

  private static String reason(int errno, String kernelMessage, int offset) {
    String text = SystemCalls.description(errno);
    if (!kernelMessage.isEmpty()) {
      text += ", " + Rules.quote(kernelMessage);
    }
    return offset < 0 ? text : text + " at offset " + offset;
  }

  /**
   * Returns the kernel's own words, its "extended ACK".
   *
   * @return the text, empty if the kernel gave none
   */
  public Optional<String> kernelMessage() {
    return kernelMessage.isEmpty() ? Optional.empty() : Optional.of(kernelMessage);
  }

  /**
   * Returns which part of the request the kernel objects to.
   *
   * @return bytes from the beginning of the request's message, empty if the kernel did not say
   */
  public OptionalInt offset() {
    return offset < 0 ? OptionalInt.empty() : OptionalInt.of(offset);
  }
}
