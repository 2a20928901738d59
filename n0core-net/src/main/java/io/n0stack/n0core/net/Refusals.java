package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;

/** Says why the drivers do not do what they are asked for. */
final class Refusals {
  private Refusals() {}

  static N0Exception precondition(ResourceId id, String reason) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION, id.toString(), "apply " + id + ": " + reason);
  }

  static N0Exception unsupported(String field, Object value, String rule) {
    return new N0Exception(
        N0Exception.Code.UNSUPPORTED,
        field,
        "unsupported " + field + " " + Rules.quote(value.toString()) + ": " + rule);
  }

  static N0Exception unavailable(ResourceId id, String reason, Throwable cause) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE, id.toString(), "look at " + id + ": " + reason, cause);
  }
}
