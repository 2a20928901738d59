package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;

/**
 * A thread that serves block devices.
 *
 * @param id the object's id
 * @param threadId the kernel's thread id
 * @param pollMaxNanos the longest time it polls
 * @param pollGrow by what its polling time grows
 * @param pollShrink by what its polling time shrinks
 * @param maxBatch how many requests it submits at once
 * @since 0.1
 */
public record IoThread(
    String id, long threadId, long pollMaxNanos, long pollGrow, long pollShrink, long maxBatch) {
  static IoThread from(QmpResult result) {
    return new IoThread(
        result.text("/id"),
        result.number("/thread-id"),
        result.number("/poll-max-ns"),
        result.number("/poll-grow"),
        result.number("/poll-shrink"),
        result.number("/aio-max-batch"));
  }
}
