package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;
import java.util.List;
import java.util.Map;

/**
 * The commands that start jobs on block nodes. {@link JobCommands} steers them.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class BlockJobCommands {
  private final Call call;

  BlockJobCommands(Call call) {
    this.call = call;
  }

  /**
   * Begins to mirror. When the job is READY, {@link JobCommands#complete} switches to the
   * target.
   *
   * @param request what to do
   */
  public void mirror(BlockMirror request) {
    call.run("blockdev-mirror", request.arguments());
  }

  /**
   * Begins a backup.
   *
   * @param request what to do
   */
  public void backup(BlockBackup request) {
    call.run("blockdev-backup", request.arguments());
  }

  /**
   * Begins a commit. When it empties the topmost node, the job becomes READY and {@link
   * JobCommands#complete} switches to the base.
   *
   * @param request what to do
   */
  public void commit(BlockCommit request) {
    call.run("block-commit", request.arguments());
  }

  /**
   * Begins a stream.
   *
   * @param request what to do
   */
  public void stream(BlockStream request) {
    call.run("block-stream", request.arguments());
  }

  /**
   * Begins to format an image. The ended job stays until {@link JobCommands#dismiss}.
   *
   * @param job the job's id
   * @param options {@code driver} and the driver's own options, as QAPI's
   *     BlockdevCreateOptions has them
   */
  public void create(String job, Map<String, ?> options) {
    call.run("blockdev-create", Args.of("job-id", job).put("options", options));
  }

  /**
   * Rewrites what an image names as its backing file; the open backing node stays.
   *
   * @param device the device or root node
   * @param node the image's node
   * @param backingFile the new name, empty for none
   */
  public void changeBackingFile(String device, String node, String backingFile) {
    call.run(
        "change-backing-file",
        Args.of("device", device).put("image-node-name", node).put("backing-file", backingFile));
  }

  /**
   * Lists the jobs on block nodes.
   *
   * @return the jobs
   */
  public List<BlockJob> list() {
    return Read.list(call.run("query-block-jobs"), "", BlockJob::from);
  }

  /**
   * Limits a job's speed.
   *
   * @param job the job's id
   * @param bytesPerSecond the limit, 0 for none
   */
  public void setSpeed(String job, long bytesPerSecond) {
    call.run(
        "block-job-set-speed",
        Args.of("device", job)
            .put("speed", Rules.range("bytesPerSecond", bytesPerSecond, 0, Long.MAX_VALUE)));
  }

  /**
   * Cancels a job on a block node. A READY mirror ends without switching and its target is a
   * consistent copy.
   *
   * @param job the job's id
   */
  public void cancel(String job) {
    call.run("block-job-cancel", Args.of("device", job));
  }

  /**
   * Cancels a job on a block node at once, also a READY mirror, whose target is then
   * worthless.
   *
   * @param job the job's id
   */
  public void cancelForcibly(String job) {
    call.run("block-job-cancel", Args.of("device", job).put("force", true));
  }

  /**
   * Pauses a job on a block node.
   *
   * @param job the job's id
   */
  public void pause(String job) {
    call.run("block-job-pause", Args.of("device", job));
  }

  /**
   * Resumes a paused job on a block node, also one that an error has paused.
   *
   * @param job the job's id
   */
  public void resume(String job) {
    call.run("block-job-resume", Args.of("device", job));
  }

  /**
   * Ends a READY job on a block node by switching to its target.
   *
   * @param job the job's id
   */
  public void complete(String job) {
    call.run("block-job-complete", Args.of("device", job));
  }

  /**
   * Lets a PENDING job on a block node take effect.
   *
   * @param job the job's id
   */
  public void finish(String job) {
    call.run("block-job-finalize", Args.of("id", job));
  }

  /**
   * Forgets a CONCLUDED job on a block node.
   *
   * @param job the job's id
   */
  public void dismiss(String job) {
    call.run("block-job-dismiss", Args.of("id", job));
  }
}
