package io.n0stack.n0core.kvm.qapi;

/**
 * What a job does.
 *
 * @since 0.1
 */
public enum JobType {
  /** Moves an overlay's content down. */
  COMMIT,
  /** Copies content up. */
  STREAM,
  /** Mirrors. */
  MIRROR,
  /** Backs up. */
  BACKUP,
  /** Formats an image. */
  CREATE,
  /** Changes an image's options. */
  AMEND,
  /** Loads a snapshot. */
  SNAPSHOT_LOAD,
  /** Saves a snapshot. */
  SNAPSHOT_SAVE,
  /** Deletes a snapshot. */
  SNAPSHOT_DELETE
}
