package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A job.
 *
 * @param id its id
 * @param type what it does
 * @param status where it is in its life
 * @param currentProgress how much is done, in a unit of its own
 * @param totalProgress how much there is to do; may grow
 * @param error why it failed
 * @since 0.1
 */
public record JobInfo(
    String id,
    Term<JobType> type,
    Term<JobStatus> status,
    long currentProgress,
    long totalProgress,
    Optional<String> error) {
  static JobInfo from(QmpResult result) {
    return new JobInfo(
        result.text("/id"),
        Read.term(JobType.class, result, "/type"),
        Read.term(JobStatus.class, result, "/status"),
        result.number("/current-progress"),
        result.number("/total-progress"),
        Read.optText(result, "/error"));
  }
}
