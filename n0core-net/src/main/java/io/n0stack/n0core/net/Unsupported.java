package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;

/** Refuses what the drivers cannot realise. */
final class Unsupported {
  private Unsupported() {}

  static N0Exception field(String field, Object value, String rule) {
    return new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        field,
        "unsupported " + field + " " + Rules.quote(value.toString()) + ": " + rule);
  }
}
