package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What was read and written since the start.
 *
 * @param readBytes bytes read
 * @param writtenBytes bytes written
 * @param unmappedBytes bytes discarded
 * @param reads read requests
 * @param writes write requests
 * @param flushes flush requests
 * @param unmaps discard requests
 * @param readNanos time spent reading
 * @param writeNanos time spent writing
 * @param flushNanos time spent flushing
 * @param unmapNanos time spent discarding
 * @param highestOffset the byte after the highest one written
 * @param mergedReads read requests that were merged
 * @param mergedWrites write requests that were merged
 * @param idleNanos time since the last request
 * @param failedReads read requests that failed
 * @param failedWrites write requests that failed
 * @param failedFlushes flush requests that failed
 * @param readLatency how long reads took
 * @param writeLatency how long writes took
 * @param flushLatency how long flushes took
 * @since 0.1
 */
public record BlockCounters(
    long readBytes,
    long writtenBytes,
    long unmappedBytes,
    long reads,
    long writes,
    long flushes,
    long unmaps,
    long readNanos,
    long writeNanos,
    long flushNanos,
    long unmapNanos,
    long highestOffset,
    long mergedReads,
    long mergedWrites,
    OptionalLong idleNanos,
    long failedReads,
    long failedWrites,
    long failedFlushes,
    Optional<LatencyHistogram> readLatency,
    Optional<LatencyHistogram> writeLatency,
    Optional<LatencyHistogram> flushLatency) {
  static BlockCounters from(QmpResult result) {
    return new BlockCounters(
        result.number("/rd_bytes"),
        result.number("/wr_bytes"),
        result.number("/unmap_bytes"),
        result.number("/rd_operations"),
        result.number("/wr_operations"),
        result.number("/flush_operations"),
        result.number("/unmap_operations"),
        result.number("/rd_total_time_ns"),
        result.number("/wr_total_time_ns"),
        result.number("/flush_total_time_ns"),
        result.number("/unmap_total_time_ns"),
        result.number("/wr_highest_offset"),
        result.number("/rd_merged"),
        result.number("/wr_merged"),
        Read.optNumber(result, "/idle_time_ns"),
        result.number("/failed_rd_operations"),
        result.number("/failed_wr_operations"),
        result.number("/failed_flush_operations"),
        Read.optOne(result, "/rd_latency_histogram", LatencyHistogram::from),
        Read.optOne(result, "/wr_latency_histogram", LatencyHistogram::from),
        Read.optOne(result, "/flush_latency_histogram", LatencyHistogram::from));
  }
}
