package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Refusal;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/**
 * The kernel refused a netlink request; carries what it said beyond the error number.
 *
 * @since 0.1
 */
public final class NetlinkException extends OsException {
  private static final long serialVersionUID = 1L;

  /** The words of net/sched for what is neither built in nor a module to load. */
  private static final List<String> MISSING_PARTS = List.of(
      "Specified qdisc kind is unknown",
      "TC classifier not found",
      "Failed to load TC action module");

  private final String kernelMessage;
  private final int offset;
  private final transient List<Integer> attributePath;
  private final int missing;

  NetlinkException(String operation, Refusal refusal) {
    super(operation, refusal.errno(), SystemCalls.name(refusal.errno()), reason(refusal));
    kernelMessage = refusal.words();
    offset = refusal.offset();
    attributePath = refusal.path();
    missing = refusal.missing();
  }

  /**
   * Says that what the kernel calls missing is a part of itself, where it says so.
   *
   * @return UNSUPPORTED if a kind of queueing discipline, filter or action is not in this kernel; else
   *     what the error number says
   */
  @Override
  public Code code() {
    return errnoName().equals("ENOENT")
            && MISSING_PARTS.stream().anyMatch(kernelMessage::startsWith)
        ? Code.UNSUPPORTED
        : super.code();
  }

  private static String reason(Refusal refusal) {
    String text = SystemCalls.description(refusal.errno());
    if (!refusal.words().isEmpty()) {
      text += ", " + Rules.quote(refusal.words());
    }
    if (refusal.offset() >= 0) {
      text += " at offset " + refusal.offset();
    }
    if (!refusal.path().isEmpty()) {
      text += ", attribute "
          + refusal.path().stream().map(String::valueOf).collect(Collectors.joining("/"));
    }
    return refusal.missing() < 0 ? text : text + ", attribute " + refusal.missing() + " is missing";
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

  /**
   * Returns which attribute the kernel objects to.
   *
   * @return the types of the attributes around {@link #offset}, from the outermost, such as 18, 2, 1 for
   *     an IFLA_VXLAN_ID in IFLA_INFO_DATA in IFLA_LINKINFO; empty if the kernel did not say
   */
  public List<Integer> attributePath() {
    return attributePath;
  }

  /**
   * Returns which attribute the kernel misses.
   *
   * @return its type, empty if the kernel did not say
   */
  public OptionalInt missingAttribute() {
    return missing < 0 ? OptionalInt.empty() : OptionalInt.of(missing);
  }
}
