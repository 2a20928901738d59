package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.List;
import java.util.Optional;

/**
 * How network cards announce their addresses.
 *
 * @param initialMillis the wait before the second announcement
 * @param maxMillis the longest wait
 * @param rounds how many announcements
 * @param stepMillis by what the wait grows
 * @param interfaces the ids of the network cards; all if empty
 * @param id the name of this series, to change it later
 * @since 0.1
 */
public record Announcement(
    long initialMillis,
    long maxMillis,
    long rounds,
    long stepMillis,
    List<String> interfaces,
    Optional<String> id) {
  /** Checks the values. */
  public Announcement {
    interfaces = List.copyOf(interfaces);
    Rules.range("initialMillis", initialMillis, 1, 100_000);
    Rules.range("maxMillis", maxMillis, 1, 100_000);
    Rules.range("rounds", rounds, 1, 1_000);
    Rules.range("stepMillis", stepMillis, 0, 10_000);
  }

  /**
   * Starts from what is required.
   *
   * @param initialMillis the wait before the second announcement
   * @param maxMillis the longest wait
   * @param rounds how many announcements
   * @param stepMillis by what the wait grows
   * @return a builder with QEMU's defaults
   */
  public static Builder builder(long initialMillis, long maxMillis, long rounds, long stepMillis) {
    return new Builder(initialMillis, maxMillis, rounds, stepMillis);
  }

  Args arguments() {
    return Args.of()
        .put("initial", initialMillis)
        .put("max", maxMillis)
        .put("rounds", rounds)
        .put("step", stepMillis)
        .putAny("interfaces", interfaces)
        .put("id", id);
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder {
    private final long initialMillis;
    private final long maxMillis;
    private final long rounds;
    private final long stepMillis;
    private List<String> interfaces = List.of();
    private Optional<String> id = Optional.empty();

    private Builder(long initialMillis, long maxMillis, long rounds, long stepMillis) {
      this.initialMillis = initialMillis;
      this.maxMillis = maxMillis;
      this.rounds = rounds;
      this.stepMillis = stepMillis;
    }

    /**
     * Sets the ids of the network cards; all if empty.
     *
     * @param value the ids of the network cards; all if empty
     * @return this
     */
    public Builder interfaces(List<String> value) {
      this.interfaces = List.copyOf(value);
      return this;
    }

    /**
     * Sets the name of this series, to change it later.
     *
     * @param value the name of this series, to change it later
     * @return this
     */
    public Builder id(String value) {
      this.id = Optional.of(value);
      return this;
    }

    /**
     * Builds the request.
     *
     * @return the request
     * @throws N0Exception INVALID if a value breaks a rule
     */
    public Announcement build() {
      return new Announcement(initialMillis, maxMillis, rounds, stepMillis, interfaces, id);
    }
  }
}
