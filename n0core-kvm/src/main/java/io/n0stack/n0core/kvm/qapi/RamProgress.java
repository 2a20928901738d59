package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * How much of the memory or the disks was sent.
 *
 * @param transferredBytes bytes sent
 * @param remainingBytes bytes to send
 * @param totalBytes the size of it all
 * @param zeroPages pages of zeroes
 * @param normalPages other pages
 * @param normalBytes bytes of those
 * @param dirtyPagesRate pages changed per second
 * @param megabitsPerSecond throughput
 * @param rounds how often changed pages were collected
 * @param postcopyRequests pages that the target asked for
 * @param pageBytes the size of a page
 * @param pagesPerSecond pages sent per second
 * @param precopyBytes bytes sent before the guest was stopped
 * @param downtimeBytes bytes sent while it was stopped
 * @param postcopyBytes bytes sent after it ran at the target
 * @since 0.1
 */
public record RamProgress(
    long transferredBytes,
    long remainingBytes,
    long totalBytes,
    long zeroPages,
    long normalPages,
    long normalBytes,
    long dirtyPagesRate,
    double megabitsPerSecond,
    long rounds,
    long postcopyRequests,
    long pageBytes,
    long pagesPerSecond,
    long precopyBytes,
    long downtimeBytes,
    long postcopyBytes) {
  static RamProgress from(QmpResult result) {
    return new RamProgress(
        result.number("/transferred"),
        result.number("/remaining"),
        result.number("/total"),
        result.number("/duplicate"),
        result.number("/normal"),
        result.number("/normal-bytes"),
        result.number("/dirty-pages-rate"),
        Read.decimal(result, "/mbps"),
        result.number("/dirty-sync-count"),
        result.number("/postcopy-requests"),
        result.number("/page-size"),
        result.number("/pages-per-second"),
        result.number("/precopy-bytes"),
        result.number("/downtime-bytes"),
        result.number("/postcopy-bytes"));
  }
}
