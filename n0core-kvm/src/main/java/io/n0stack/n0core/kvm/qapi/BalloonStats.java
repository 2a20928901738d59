package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.math.BigInteger;
import java.util.Optional;

/**
 * What the guest's balloon driver reports; what it does not report is empty.
 *
 * @param swapInBytes memory read from swap
 * @param swapOutBytes memory written to swap
 * @param majorFaults page faults that needed a disk
 * @param minorFaults other page faults
 * @param freeBytes unused memory
 * @param totalBytes all memory that the guest sees
 * @param availableBytes memory that could be used without swapping
 * @param diskCacheBytes memory that caches files
 * @param hugePagesAllocated huge pages allocated
 * @param hugePagesFailed huge pages that could not be allocated
 * @param lastUpdate when, in seconds since 1970; 0 if never
 * @since 0.1
 */
public record BalloonStats(
    Optional<BigInteger> swapInBytes,
    Optional<BigInteger> swapOutBytes,
    Optional<BigInteger> majorFaults,
    Optional<BigInteger> minorFaults,
    Optional<BigInteger> freeBytes,
    Optional<BigInteger> totalBytes,
    Optional<BigInteger> availableBytes,
    Optional<BigInteger> diskCacheBytes,
    Optional<BigInteger> hugePagesAllocated,
    Optional<BigInteger> hugePagesFailed,
    long lastUpdate) {
  static BalloonStats from(QmpResult result) {
    return new BalloonStats(
        Read.reported(result, "/stats/stat-swap-in"),
        Read.reported(result, "/stats/stat-swap-out"),
        Read.reported(result, "/stats/stat-major-faults"),
        Read.reported(result, "/stats/stat-minor-faults"),
        Read.reported(result, "/stats/stat-free-memory"),
        Read.reported(result, "/stats/stat-total-memory"),
        Read.reported(result, "/stats/stat-available-memory"),
        Read.reported(result, "/stats/stat-disk-caches"),
        Read.reported(result, "/stats/stat-htlb-pgalloc"),
        Read.reported(result, "/stats/stat-htlb-pgfail"),
        result.number("/last-update"));
  }
}
