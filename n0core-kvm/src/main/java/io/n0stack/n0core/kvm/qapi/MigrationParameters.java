package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What steers a migration; what this QEMU does not tell is empty.
 *
 * @param announceInitialMillis the wait before the second announcement
 * @param announceMaxMillis the longest wait between announcements
 * @param announceRounds how many announcements are made
 * @param announceStepMillis by what the wait grows
 * @param throttleTriggerThreshold the percentage of dirtied to sent bytes from which the guest
 *     is slowed down
 * @param cpuThrottleInitial by what percentage it is slowed down at first
 * @param cpuThrottleIncrement by how much more each time
 * @param cpuThrottleTailslow whether the last steps are smaller
 * @param maxCpuThrottle by what percentage at most
 * @param tlsCreds the id of the TLS credentials, empty text for none
 * @param tlsHostname the name that the target's certificate must have
 * @param tlsAuthz the id of the object that admits sources
 * @param maxBandwidth the most bytes per second
 * @param maxPostcopyBandwidth the most bytes per second once the guest runs at the target
 * @param downtimeLimitMillis how long the guest may stand still
 * @param blockIncremental whether backing files are not sent
 * @param multifdChannels how many connections
 * @param multifdCompression how they compress
 * @param multifdZlibLevel zlib's level
 * @param multifdZstdLevel Zstandard's level
 * @param xbzrleCacheBytes the cache for differences
 * @since 0.1
 */
public record MigrationParameters(
    OptionalLong announceInitialMillis,
    OptionalLong announceMaxMillis,
    OptionalLong announceRounds,
    OptionalLong announceStepMillis,
    OptionalLong throttleTriggerThreshold,
    OptionalLong cpuThrottleInitial,
    OptionalLong cpuThrottleIncrement,
    Optional<Boolean> cpuThrottleTailslow,
    OptionalLong maxCpuThrottle,
    Optional<String> tlsCreds,
    Optional<String> tlsHostname,
    Optional<String> tlsAuthz,
    OptionalLong maxBandwidth,
    OptionalLong maxPostcopyBandwidth,
    OptionalLong downtimeLimitMillis,
    Optional<Boolean> blockIncremental,
    OptionalLong multifdChannels,
    Optional<Term<MultifdCompression>> multifdCompression,
    OptionalLong multifdZlibLevel,
    OptionalLong multifdZstdLevel,
    OptionalLong xbzrleCacheBytes) {
  static MigrationParameters from(QmpResult result) {
    return new MigrationParameters(
        Read.optNumber(result, "/announce-initial"),
        Read.optNumber(result, "/announce-max"),
        Read.optNumber(result, "/announce-rounds"),
        Read.optNumber(result, "/announce-step"),
        Read.optNumber(result, "/throttle-trigger-threshold"),
        Read.optNumber(result, "/cpu-throttle-initial"),
        Read.optNumber(result, "/cpu-throttle-increment"),
        Read.optFlag(result, "/cpu-throttle-tailslow"),
        Read.optNumber(result, "/max-cpu-throttle"),
        Read.optText(result, "/tls-creds"),
        Read.optText(result, "/tls-hostname"),
        Read.optText(result, "/tls-authz"),
        Read.optNumber(result, "/max-bandwidth"),
        Read.optNumber(result, "/max-postcopy-bandwidth"),
        Read.optNumber(result, "/downtime-limit"),
        Read.optFlag(result, "/block-incremental"),
        Read.optNumber(result, "/multifd-channels"),
        Read.optTerm(MultifdCompression.class, result, "/multifd-compression"),
        Read.optNumber(result, "/multifd-zlib-level"),
        Read.optNumber(result, "/multifd-zstd-level"),
        Read.optNumber(result, "/xbzrle-cache-size"));
  }
}
