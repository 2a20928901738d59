package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Refusal;
import io.n0stack.n0core.net.internal.SystemCalls;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The kernel refused a request about nftables; the operation says which rule, chain or set it was about.
 * What was in one transaction with it has not happened either; other refusals of the same transaction
 * are {@link #getSuppressed suppressed}.
 *
 * @since 0.1
 */
public final class NftException extends OsException {
  private static final long serialVersionUID = 1L;
  private static final int ERESTART = 85; // asm-generic/errno.h

  private final String kernelMessage;
  private final transient List<Integer> attributePath;

  NftException(String operation, Refusal refusal) {
    super(operation, refusal.errno(), SystemCalls.name(refusal.errno()), reason(refusal));
    kernelMessage = refusal.words();
    attributePath = refusal.path();
  }

  private static String reason(Refusal refusal) {
    String text = refusal.errno() == ERESTART
        ? "The ruleset changed meanwhile"
        : SystemCalls.description(refusal.errno());
    if (!refusal.words().isEmpty()) {
      text += ", " + Rules.quote(refusal.words());
    }
    return refusal.path().isEmpty()
        ? text
        : text + ", attribute "
            + refusal.path().stream().map(String::valueOf).collect(Collectors.joining("/"));
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
   * Returns which attribute the kernel objects to.
   *
   * @return the types of the attributes around it, from the outermost; empty if the kernel did not say
   */
  public List<Integer> attributePath() {
    return attributePath;
  }

  /** Tells whether somebody else changed the ruleset since it was read. */
  boolean outdated() {
    return errno() == ERESTART;
  }
}
