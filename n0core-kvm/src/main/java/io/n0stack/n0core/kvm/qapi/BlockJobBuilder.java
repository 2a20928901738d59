package io.n0stack.n0core.kvm.qapi;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * Collects what each job on a block node can be told; used by one thread.
 *
 * @param <B> the builder of the job
 * @since 0.1
 */
public abstract sealed class BlockJobBuilder<B extends BlockJobBuilder<B>>
    permits BlockBackup.Builder, BlockCommit.Builder, BlockMirror.Builder, BlockStream.Builder {
  private Optional<String> jobId = Optional.empty();
  private OptionalLong speed = OptionalLong.empty();
  private Optional<String> filterNodeName = Optional.empty();
  private Optional<Boolean> autoFinalize = Optional.empty();
  private Optional<Boolean> autoDismiss = Optional.empty();

  BlockJobBuilder() {}

  abstract B self();

  BlockJobSettings settings() {
    return new BlockJobSettings(jobId, speed, filterNodeName, autoFinalize, autoDismiss);
  }

  /**
   * Sets the job's id.
   *
   * @param value the job's id
   * @return this
   */
  public B jobId(String value) {
    jobId = Optional.of(value);
    return self();
  }

  /**
   * Limits the speed.
   *
   * @param value the most bytes per second, 0 for no limit
   * @return this
   */
  public B speed(long value) {
    speed = OptionalLong.of(value);
    return self();
  }

  /**
   * Names the node that the job inserts.
   *
   * @param value its name
   * @return this
   */
  public B filterNodeName(String value) {
    filterNodeName = Optional.of(value);
    return self();
  }

  /**
   * Lets the job wait for job-finalize.
   *
   * @return this
   */
  public B waitForFinalize() {
    autoFinalize = Optional.of(false);
    return self();
  }

  /**
   * Keeps the ended job until job-dismiss.
   *
   * @return this
   */
  public B waitForDismiss() {
    autoDismiss = Optional.of(false);
    return self();
  }
}
