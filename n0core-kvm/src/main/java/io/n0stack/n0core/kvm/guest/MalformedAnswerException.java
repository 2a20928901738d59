package io.n0stack.n0core.kvm.guest;

import java.io.IOException;

/** The guest sent what no agent sends. The connection may go on after a sync. */
final class MalformedAnswerException extends IOException {
  private static final long serialVersionUID = 1L;

  MalformedAnswerException(String message) {
    super(message);
  }
}
