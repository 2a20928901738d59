package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * How well sending only differences does.
 *
 * @param cacheBytes the cache
 * @param bytes bytes sent
 * @param pages pages sent
 * @param cacheMisses pages that were not in the cache
 * @param cacheMissRate the same per page
 * @param encodingRate the part that was saved
 * @param overflow pages that were not worth it
 * @since 0.1
 */
public record XbzrleProgress(
    long cacheBytes,
    long bytes,
    long pages,
    long cacheMisses,
    double cacheMissRate,
    double encodingRate,
    long overflow) {
  static XbzrleProgress from(QmpResult result) {
    return new XbzrleProgress(
        result.number("/cache-size"),
        result.number("/bytes"),
        result.number("/pages"),
        result.number("/cache-miss"),
        Read.decimal(result, "/cache-miss-rate"),
        Read.decimal(result, "/encoding-rate"),
        result.number("/overflow"));
  }
}
