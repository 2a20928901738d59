package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.Rules;
import java.util.Map;

/**
 * What a driver says of itself and of the host it works on.
 *
 * @param health whether it can work now
 * @param message what is wrong and what to do about it; empty if nothing is
 * @param attributes facts for people and schedulers, such as {@code qemu.version}
 * @param capacity what the host offers, by resource, such as {@code memory.bytes}; never negative
 * @since 0.1
 */
public record Fingerprint(
    Health health, String message, Map<String, String> attributes, Map<String, Long> capacity) {
  /** Whether a driver can work. */
  public enum Health {
    /** It can do all it offers. */
    HEALTHY,
    /** It can do some of what it offers. */
    DEGRADED,
    /** It can do nothing now. */
    UNHEALTHY
  }

  /** Copies the maps and checks the amounts. */
  public Fingerprint {
    attributes = Map.copyOf(attributes);
    capacity = Map.copyOf(capacity);
    capacity.forEach(
        (resource, amount) -> Rules.range("capacity." + resource, amount, 0, Long.MAX_VALUE));
  }

  /**
   * Reports that the driver can work.
   *
   * @param attributes facts for people and schedulers
   * @param capacity what the host offers
   * @return a healthy fingerprint
   */
  public static Fingerprint healthy(Map<String, String> attributes, Map<String, Long> capacity) {
    return new Fingerprint(Health.HEALTHY, "", attributes, capacity);
  }

  /**
   * Reports that the driver cannot work.
   *
   * @param message what is wrong and what to do about it
   * @return an unhealthy fingerprint
   */
  public static Fingerprint unhealthy(String message) {
    return new Fingerprint(Health.UNHEALTHY, message, Map.of(), Map.of());
  }
}
