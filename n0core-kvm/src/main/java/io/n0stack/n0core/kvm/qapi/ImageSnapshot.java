package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A snapshot inside an image.
 *
 * @param id its number
 * @param name its name
 * @param vmStateBytes the size of the memory saved with it, 0 if none
 * @param seconds when, in seconds since 1970
 * @param nanos and nanoseconds
 * @param clockSeconds the guest's clock, in seconds since its start
 * @param clockNanos and nanoseconds
 * @since 0.1
 */
public record ImageSnapshot(
    String id,
    String name,
    long vmStateBytes,
    long seconds,
    long nanos,
    long clockSeconds,
    long clockNanos) {
  static ImageSnapshot from(QmpResult result) {
    return new ImageSnapshot(
        result.text("/id"),
        result.text("/name"),
        result.number("/vm-state-size"),
        result.number("/date-sec"),
        result.number("/date-nsec"),
        result.number("/vm-clock-sec"),
        result.number("/vm-clock-nsec"));
  }
}
