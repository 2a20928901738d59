package io.n0stack.n0core.membership;

import io.atomix.cluster.messaging.MessagingException;

/** The other side, or this one, does not want the connection. */
final class Refused extends MessagingException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  enum Reason {
    VERSION,
    CLUSTER,
    CERTIFICATE,
    SECRET,
    DUPLICATE,
    BUSY
  }

  private final Reason reason;

  Refused(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  Reason reason() {
    return reason;
  }
}
