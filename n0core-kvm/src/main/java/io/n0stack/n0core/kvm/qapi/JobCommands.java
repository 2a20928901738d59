package io.n0stack.n0core.kvm.qapi;

import java.util.List;
import java.util.Optional;

/**
 * The commands that steer jobs of any kind.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class JobCommands {
  private final Call call;

  JobCommands(Call call) {
    this.call = call;
  }

  /**
   * Lists the jobs.
   *
   * @return the jobs
   */
  public List<JobInfo> list() {
    return Read.list(call.run("query-jobs"), "", JobInfo::from);
  }

  /**
   * Looks for a job.
   *
   * @param id its id
   * @return the job, empty if there is none or it has vanished after its end
   */
  public Optional<JobInfo> find(String id) {
    return list().stream().filter(job -> job.id().equals(id)).findFirst();
  }

  /**
   * Pauses a job.
   *
   * @param id its id
   */
  public void pause(String id) {
    call.run("job-pause", Args.of("id", id));
  }

  /**
   * Resumes a job that was paused by command.
   *
   * @param id its id
   */
  public void resume(String id) {
    call.run("job-resume", Args.of("id", id));
  }

  /**
   * Cancels a job; it has ended when it is CONCLUDED or has vanished.
   *
   * @param id its id
   */
  public void cancel(String id) {
    call.run("job-cancel", Args.of("id", id));
  }

  /**
   * Ends a READY job by switching to its target.
   *
   * @param id its id
   */
  public void complete(String id) {
    call.run("job-complete", Args.of("id", id));
  }

  /**
   * Lets a PENDING job take effect ({@code job-finalize}).
   *
   * @param id its id
   */
  public void finish(String id) {
    call.run("job-finalize", Args.of("id", id));
  }

  /**
   * Forgets a CONCLUDED job.
   *
   * @param id its id
   */
  public void dismiss(String id) {
    call.run("job-dismiss", Args.of("id", id));
  }
}
