package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;

/** Rules that the kinds of disciplines, classes, filters and actions share. */
final class TrafficNames {
  private TrafficNames() {}

  /** Checks a kind that we know nothing about. */
  static void requireOther(String kernelName, String data) {
    Rules.linkName("kind", kernelName); // IFNAMSIZ is the limit of both
    if (!data.matches("([0-9a-f]{2})*")) {
      throw N0Exception.invalid("data", data, "must be pairs of hexadecimal digits");
    }
  }
}
