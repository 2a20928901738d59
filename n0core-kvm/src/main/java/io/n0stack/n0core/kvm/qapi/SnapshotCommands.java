package io.n0stack.n0core.kvm.qapi;

import java.util.List;

/**
 * Snapshots with memory, kept inside qcow2 images. Each is a job whose end {@link JobCommands}
 * tells and which stays until it is dismissed; the guest stands still meanwhile.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class SnapshotCommands {
  private final Call call;

  SnapshotCommands(Call call) {
    this.call = call;
  }

  /**
   * Begins to save a snapshot.
   *
   * @param job the job's id
   * @param tag the snapshot's name, which must be free
   * @param stateNode the node whose image takes the memory
   * @param nodes all nodes to snapshot, the former among them or not
   */
  public void save(String job, String tag, String stateNode, List<String> nodes) {
    call.run(
        "snapshot-save",
        Args.of("job-id", job).put("tag", tag).put("vmstate", stateNode).put("devices", nodes));
  }

  /**
   * Begins to load a snapshot; the guest must be stopped.
   *
   * @param job the job's id
   * @param tag the snapshot's name
   * @param stateNode the node whose image has the memory
   * @param nodes all nodes to set back
   */
  public void load(String job, String tag, String stateNode, List<String> nodes) {
    call.run(
        "snapshot-load",
        Args.of("job-id", job).put("tag", tag).put("vmstate", stateNode).put("devices", nodes));
  }

  /**
   * Begins to delete a snapshot; no error if it does not exist.
   *
   * @param job the job's id
   * @param tag the snapshot's name
   * @param nodes all nodes that have it
   */
  public void delete(String job, String tag, List<String> nodes) {
    call.run("snapshot-delete", Args.of("job-id", job).put("tag", tag).put("devices", nodes));
  }
}
