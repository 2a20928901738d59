package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.Optional;

/**
 * A job on a block node.
 *
 * @param type what it does
 * @param id its id
 * @param totalBytes how much there is to do; may grow
 * @param doneBytes how much is done
 * @param busy whether it has requests under way
 * @param paused whether it rests
 * @param speed the most bytes per second, 0 for no limit
 * @param ioStatus how its last requests ended
 * @param ready whether it can be completed
 * @param status where it is in its life
 * @param autoFinalize whether the end comes without {@code job-finalize}
 * @param autoDismiss whether the ended job vanishes by itself
 * @param error why it failed
 * @since 0.1
 */
public record BlockJob(
    Term<JobType> type,
    String id,
    long totalBytes,
    long doneBytes,
    boolean busy,
    boolean paused,
    long speed,
    Term<IoStatus> ioStatus,
    boolean ready,
    Term<JobStatus> status,
    boolean autoFinalize,
    boolean autoDismiss,
    Optional<String> error) {
  static BlockJob from(QmpResult result) {
    return new BlockJob(
        Read.term(JobType.class, result, "/type"),
        result.text("/device"),
        result.number("/len"),
        result.number("/offset"),
        result.flag("/busy"),
        result.flag("/paused"),
        result.number("/speed"),
        Read.term(IoStatus.class, result, "/io-status"),
        result.flag("/ready"),
        Read.term(JobStatus.class, result, "/status"),
        result.flag("/auto-finalize"),
        result.flag("/auto-dismiss"),
        Read.optText(result, "/error"));
  }
}
