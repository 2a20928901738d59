package io.n0stack.n0core.membership.internal.identity;

import io.atomix.cluster.messaging.MessagingException;

/** The other side, or this one, does not want the connection. */
public final class Refused extends MessagingException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Reason {
    VERSION,
    CLUSTER,
    CERTIFICATE,
    SECRET,
    DUPLICATE,
    BUSY
  }

  private final Reason reason;

  /**
   * Says why.
   *
   * @param reason why, for programs
   * @param message why, for people
   */
  public Refused(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /**
   * Tells why.
   *
   * @return why
   */
  public Reason reason() {
    return reason;
  }
}
