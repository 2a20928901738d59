package io.n0stack.n0core.kvm.qapi;

/**
 * Where a job is in its life.
 *
 * @since 0.1
 */
public enum JobStatus {
  /** Never seen outside QEMU. */
  UNDEFINED,
  /** Not yet begun. */
  CREATED,
  /** It works. */
  RUNNING,
  /** It rests. */
  PAUSED,
  /** Source and target are equal; it waits to be completed. */
  READY,
  /** It is READY and rests. */
  STANDBY,
  /** It waits for others of its transaction. */
  WAITING,
  /** It waits to be finalized. */
  PENDING,
  /** It cleans up after an error or a cancellation. */
  ABORTING,
  /** It has ended and waits to be dismissed. */
  CONCLUDED,
  /** It is being freed. */
  NULL
}
