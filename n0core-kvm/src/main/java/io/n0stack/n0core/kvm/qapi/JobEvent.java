package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Instant;
import java.util.Optional;

/**
 * Something that happened to a job.
 *
 * @since 0.1
 */
public sealed interface JobEvent extends Event {
  /**
   * A job on a block node has ended.
   *
   * @param type what it does
   * @param id its id
   * @param totalBytes how much there was to do
   * @param doneBytes how much is done
   * @param speed the most bytes per second, 0 for no limit
   * @param error why it failed; empty if it did not
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Completed(
      Term<JobType> type,
      String id,
      long totalBytes,
      long doneBytes,
      long speed,
      Optional<String> error,
      Instant at)
      implements JobEvent {
    static Completed from(QmpResult data, Instant at) {
      return new Completed(
          Read.term(JobType.class, data, "/type"),
          data.text("/device"),
          data.number("/len"),
          data.number("/offset"),
          data.number("/speed"),
          Read.optText(data, "/error"),
          at);
    }
  }

  /**
   * A job on a block node was cancelled.
   *
   * @param type what it does
   * @param id its id
   * @param totalBytes how much there was to do
   * @param doneBytes how much is done
   * @param speed the most bytes per second, 0 for no limit
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Cancelled(
      Term<JobType> type, String id, long totalBytes, long doneBytes, long speed, Instant at)
      implements JobEvent {
    static Cancelled from(QmpResult data, Instant at) {
      return new Cancelled(
          Read.term(JobType.class, data, "/type"),
          data.text("/device"),
          data.number("/len"),
          data.number("/offset"),
          data.number("/speed"),
          at);
    }
  }

  /**
   * A job on a block node met an error.
   *
   * @param id its id
   * @param operation {@code read} or {@code write}
   * @param action what is done: {@code ignore}, {@code report} or {@code stop}, that is, pause
   *     the job
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Failing(String id, String operation, String action, Instant at)
      implements JobEvent {
    static Failing from(QmpResult data, Instant at) {
      return new Failing(data.text("/device"), data.text("/operation"), data.text("/action"), at);
    }
  }

  /**
   * A job on a block node can be completed.
   *
   * @param type what it does
   * @param id its id
   * @param totalBytes how much there was to do
   * @param doneBytes how much is done
   * @param speed the most bytes per second, 0 for no limit
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Ready(
      Term<JobType> type, String id, long totalBytes, long doneBytes, long speed, Instant at)
      implements JobEvent {
    static Ready from(QmpResult data, Instant at) {
      return new Ready(
          Read.term(JobType.class, data, "/type"),
          data.text("/device"),
          data.number("/len"),
          data.number("/offset"),
          data.number("/speed"),
          at);
    }
  }

  /**
   * A job on a block node waits to be finalized.
   *
   * @param type what it does
   * @param id its id
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record Pending(Term<JobType> type, String id, Instant at) implements JobEvent {
    static Pending from(QmpResult data, Instant at) {
      return new Pending(Read.term(JobType.class, data, "/type"), data.text("/id"), at);
    }
  }

  /**
   * A job's state is another one.
   *
   * @param id its id
   * @param status its state
   * @param at QEMU's clock when it happened
   * @since 0.1
   */
  public record StatusChange(String id, Term<JobStatus> status, Instant at) implements JobEvent {
    static StatusChange from(QmpResult data, Instant at) {
      return new StatusChange(data.text("/id"), Read.term(JobStatus.class, data, "/status"), at);
    }
  }
}
