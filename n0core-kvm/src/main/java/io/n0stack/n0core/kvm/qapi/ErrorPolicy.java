package io.n0stack.n0core.kvm.qapi;

/**
 * What a job does after an error.
 *
 * @since 0.1
 */
public enum ErrorPolicy {
  /** It fails. */
  REPORT,
  /** It goes on. */
  IGNORE,
  /** It pauses if there is no space, otherwise it fails. */
  ENOSPC,
  /** It pauses. */
  STOP,
  /** What the device would do. */
  AUTO
}
