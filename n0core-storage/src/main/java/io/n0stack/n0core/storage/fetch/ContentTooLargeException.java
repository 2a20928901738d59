package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;

/** There are more bytes than the limit. */
final class ContentTooLargeException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final long limitBytes;

  ContentTooLargeException(String field, String found, long limitBytes) {
    super(
        Code.INVALID,
        field,
        "invalid " + field + " " + Rules.quote(found) + ": must be at most " + limitBytes
            + " bytes");
    this.limitBytes = limitBytes;
  }

  long limitBytes() {
    return limitBytes;
  }

  boolean isOfContent() {
    return subject().equals("source.contentSize");
  }
}
