package io.n0stack.n0core.kvm.qapi;

/**
 * What a migration may do.
 *
 * @since 0.1
 */
public enum MigrationCapability {
  /** Send only differences. */
  XBZRLE,
  /** Pin all memory for RDMA. */
  RDMA_PIN_ALL,
  /** Slow the guest down until it can be caught up with. */
  AUTO_CONVERGE,
  /** Send no blocks of zeroes. */
  ZERO_BLOCKS,
  /** Compress pages by threads. */
  COMPRESS,
  /** Report by events MIGRATION. */
  EVENTS,
  /** Continue at the target before all memory is there. */
  POSTCOPY_RAM,
  /** Replicate. */
  X_COLO,
  /** Free memory once it is sent. */
  RELEASE_RAM,
  /** Send the disks along. */
  BLOCK,
  /** Have the target answer. */
  RETURN_PATH,
  /** Wait for {@code migrate-continue} before the end. */
  PAUSE_BEFORE_SWITCHOVER,
  /** Send by several connections. */
  MULTIFD,
  /** Send dirty bitmaps. */
  DIRTY_BITMAPS,
  /** Measure how long processors wait. */
  POSTCOPY_BLOCKTIME,
  /** Leave the disks alone at the target until {@code cont}. */
  LATE_BLOCK_ACTIVATE,
  /** Leave out shared memory. */
  X_IGNORE_SHARED,
  /** Require the same UUID at the target. */
  VALIDATE_UUID,
  /** Save the state as it is at the start while the guest runs. */
  BACKGROUND_SNAPSHOT,
  /** Send without copying. */
  ZERO_COPY_SEND,
  /** Send pages that were asked for by a connection of their own. */
  POSTCOPY_PREEMPT
}
