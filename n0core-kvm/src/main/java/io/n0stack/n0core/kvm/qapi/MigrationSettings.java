package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Changes to what steers a migration; what is empty stays as it is.
 *
 * @param announceInitialMillis the wait before the second announcement
 * @param announceMaxMillis the longest wait between announcements
 * @param announceRounds how many announcements are made
 * @param announceStepMillis by what the wait between announcements grows
 * @param throttleTriggerThreshold the percentage of dirtied to sent bytes from which the guest
 *     is slowed down
 * @param cpuThrottleInitial the percentage by which the guest is slowed down at first
 * @param cpuThrottleIncrement the percentage that is added each time
 * @param maxCpuThrottle the percentage by which the guest is slowed down at most
 * @param tlsCreds the id of the TLS credentials, empty text for none
 * @param tlsHostname the name that the target's certificate must have
 * @param tlsAuthz the id of the object that admits sources
 * @param maxBandwidth the most bytes per second
 * @param maxPostcopyBandwidth the most bytes per second once the guest runs at the target
 * @param downtimeLimitMillis the longest time that the guest may stand still
 * @param multifdChannels the number of connections
 * @param multifdCompression the compression of several connections
 * @param multifdZlibLevel zlib's level
 * @param multifdZstdLevel Zstandard's level
 * @param xbzrleCacheBytes the cache for differences, a power of two
 * @since 0.1
 */
public record MigrationSettings(
    OptionalLong announceInitialMillis,
    OptionalLong announceMaxMillis,
    OptionalLong announceRounds,
    OptionalLong announceStepMillis,
    OptionalLong throttleTriggerThreshold,
    OptionalLong cpuThrottleInitial,
    OptionalLong cpuThrottleIncrement,
    OptionalLong maxCpuThrottle,
    Optional<String> tlsCreds,
    Optional<String> tlsHostname,
    Optional<String> tlsAuthz,
    OptionalLong maxBandwidth,
    OptionalLong maxPostcopyBandwidth,
    OptionalLong downtimeLimitMillis,
    OptionalLong multifdChannels,
    Optional<MultifdCompression> multifdCompression,
    OptionalLong multifdZlibLevel,
    OptionalLong multifdZstdLevel,
    OptionalLong xbzrleCacheBytes) {
  /**
   * Starts from what is required.
   *
   * @return a builder with QEMU's defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  Args arguments() {
    return Args.of()
        .put("announce-initial", announceInitialMillis)
        .put("announce-max", announceMaxMillis)
        .put("announce-rounds", announceRounds)
        .put("announce-step", announceStepMillis)
        .put("throttle-trigger-threshold", throttleTriggerThreshold)
        .put("cpu-throttle-initial", cpuThrottleInitial)
        .put("cpu-throttle-increment", cpuThrottleIncrement)
        .put("max-cpu-throttle", maxCpuThrottle)
        .put("tls-creds", tlsCreds)
        .put("tls-hostname", tlsHostname)
        .put("tls-authz", tlsAuthz)
        .put("max-bandwidth", maxBandwidth)
        .put("max-postcopy-bandwidth", maxPostcopyBandwidth)
        .put("downtime-limit", downtimeLimitMillis)
        .put("multifd-channels", multifdChannels)
        .put("multifd-compression", multifdCompression)
        .put("multifd-zlib-level", multifdZlibLevel)
        .put("multifd-zstd-level", multifdZstdLevel)
        .put("xbzrle-cache-size", xbzrleCacheBytes);
  }

  /** Collects the optional parts; used by one thread. */
  public static final class Builder {
    private OptionalLong announceInitialMillis = OptionalLong.empty();
    private OptionalLong announceMaxMillis = OptionalLong.empty();
    private OptionalLong announceRounds = OptionalLong.empty();
    private OptionalLong announceStepMillis = OptionalLong.empty();
    private OptionalLong throttleTriggerThreshold = OptionalLong.empty();
    private OptionalLong cpuThrottleInitial = OptionalLong.empty();
    private OptionalLong cpuThrottleIncrement = OptionalLong.empty();
    private OptionalLong maxCpuThrottle = OptionalLong.empty();
    private Optional<String> tlsCreds = Optional.empty();
    private Optional<String> tlsHostname = Optional.empty();
    private Optional<String> tlsAuthz = Optional.empty();
    private OptionalLong maxBandwidth = OptionalLong.empty();
    private OptionalLong maxPostcopyBandwidth = OptionalLong.empty();
    private OptionalLong downtimeLimitMillis = OptionalLong.empty();
    private OptionalLong multifdChannels = OptionalLong.empty();
    private Optional<MultifdCompression> multifdCompression = Optional.empty();
    private OptionalLong multifdZlibLevel = OptionalLong.empty();
    private OptionalLong multifdZstdLevel = OptionalLong.empty();
    private OptionalLong xbzrleCacheBytes = OptionalLong.empty();

    private Builder() {}

    /**
     * Sets the wait before the second announcement.
     *
     * @param value the wait before the second announcement
     * @return this
     */
    public Builder announceInitialMillis(long value) {
      this.announceInitialMillis = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the longest wait between announcements.
     *
     * @param value the longest wait between announcements
     * @return this
     */
    public Builder announceMaxMillis(long value) {
      this.announceMaxMillis = OptionalLong.of(value);
      return this;
    }

    /**
     * Says how many announcements are made.
     *
     * @param value how many announcements are made
     * @return this
     */
    public Builder announceRounds(long value) {
      this.announceRounds = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets by what the wait between announcements grows.
     *
     * @param value by what the wait between announcements grows
     * @return this
     */
    public Builder announceStepMillis(long value) {
      this.announceStepMillis = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the percentage of dirtied to sent bytes from which the guest is slowed down.
     *
     * @param value the percentage of dirtied to sent bytes from which the guest is slowed
     *     down
     * @return this
     */
    public Builder throttleTriggerThreshold(long value) {
      this.throttleTriggerThreshold = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the percentage by which the guest is slowed down at first.
     *
     * @param value the percentage by which the guest is slowed down at first
     * @return this
     */
    public Builder cpuThrottleInitial(long value) {
      this.cpuThrottleInitial = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the percentage that is added each time.
     *
     * @param value the percentage that is added each time
     * @return this
     */
    public Builder cpuThrottleIncrement(long value) {
      this.cpuThrottleIncrement = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the percentage by which the guest is slowed down at most.
     *
     * @param value the percentage by which the guest is slowed down at most
     * @return this
     */
    public Builder maxCpuThrottle(long value) {
      this.maxCpuThrottle = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the id of the TLS credentials, empty text for none.
     *
     * @param value the id of the TLS credentials, empty text for none
     * @return this
     */
    public Builder tlsCreds(String value) {
      this.tlsCreds = Optional.of(value);
      return this;
    }

    /**
     * Sets the name that the target's certificate must have.
     *
     * @param value the name that the target's certificate must have
     * @return this
     */
    public Builder tlsHostname(String value) {
      this.tlsHostname = Optional.of(value);
      return this;
    }

    /**
     * Sets the id of the object that admits sources.
     *
     * @param value the id of the object that admits sources
     * @return this
     */
    public Builder tlsAuthz(String value) {
      this.tlsAuthz = Optional.of(value);
      return this;
    }

    /**
     * Sets the most bytes per second.
     *
     * @param value the most bytes per second
     * @return this
     */
    public Builder maxBandwidth(long value) {
      this.maxBandwidth = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the most bytes per second once the guest runs at the target.
     *
     * @param value the most bytes per second once the guest runs at the target
     * @return this
     */
    public Builder maxPostcopyBandwidth(long value) {
      this.maxPostcopyBandwidth = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the longest time that the guest may stand still.
     *
     * @param value the longest time that the guest may stand still
     * @return this
     */
    public Builder downtimeLimitMillis(long value) {
      this.downtimeLimitMillis = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the number of connections.
     *
     * @param value the number of connections
     * @return this
     */
    public Builder multifdChannels(long value) {
      this.multifdChannels = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the compression of several connections.
     *
     * @param value the compression of several connections
     * @return this
     */
    public Builder multifdCompression(MultifdCompression value) {
      this.multifdCompression = Optional.of(value);
      return this;
    }

    /**
     * Sets zlib's level.
     *
     * @param value zlib's level
     * @return this
     */
    public Builder multifdZlibLevel(long value) {
      this.multifdZlibLevel = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets Zstandard's level.
     *
     * @param value Zstandard's level
     * @return this
     */
    public Builder multifdZstdLevel(long value) {
      this.multifdZstdLevel = OptionalLong.of(value);
      return this;
    }

    /**
     * Sets the cache for differences, a power of two.
     *
     * @param value the cache for differences, a power of two
     * @return this
     */
    public Builder xbzrleCacheBytes(long value) {
      this.xbzrleCacheBytes = OptionalLong.of(value);
      return this;
    }

    /**
     * Builds the request.
     *
     * @return the request
     * @throws N0Exception INVALID if a value breaks a rule
     */
    public MigrationSettings build() {
      return new MigrationSettings(
          announceInitialMillis,
          announceMaxMillis,
          announceRounds,
          announceStepMillis,
          throttleTriggerThreshold,
          cpuThrottleInitial,
          cpuThrottleIncrement,
          maxCpuThrottle,
          tlsCreds,
          tlsHostname,
          tlsAuthz,
          maxBandwidth,
          maxPostcopyBandwidth,
          downtimeLimitMillis,
          multifdChannels,
          multifdCompression,
          multifdZlibLevel,
          multifdZstdLevel,
          xbzrleCacheBytes);
    }
  }
}
