package io.n0stack.n0core.kvm.qapi;

/**
 * Which host nodes memory comes from.
 *
 * @since 0.1
 */
public enum MemoryPolicy {
  /** The host's choice. */
  DEFAULT,
  /** The named nodes if they have room. */
  PREFERRED,
  /** The named nodes only. */
  BIND,
  /** The named nodes in turn. */
  INTERLEAVE
}
