package io.n0stack.n0core.storage.live;

/**
 * How far a job has come.
 *
 * @since 0.1
 */
public enum JobState {
  /** It copies. */
  RUNNING,
  /** It stands still, because someone or an error has paused it. */
  PAUSED,
  /** All is copied, and what is written meanwhile is copied too, until it is told to complete. */
  READY,
  /**
   * Both files are the same, the machine does not use the other one yet, and what the guest writes waits
   * until the job is told to finalize.
   */
  PENDING,
  /** It is coming to its end, good or bad. */
  ENDING,
  /** It has ended, with or without an error, and waits to be settled. */
  CONCLUDED,
  /** QEMU does not know it: it was settled, or ended together with its QEMU process. */
  GONE
}
