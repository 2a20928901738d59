package io.n0stack.n0core.storage.fetch;

import java.io.IOException;

/** What was received cannot be continued: the transfer has to begin at the first byte. */
final class StartAnewException extends IOException {
  private static final long serialVersionUID = 1L;

  StartAnewException(String reason) {
    super(reason);
  }

  StartAnewException(String reason, IOException cause) {
    super(reason, cause);
  }
}
