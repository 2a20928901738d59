package io.n0stack.n0core.net.netlink;

/**
 * Whether a link is meant to carry frames.
 *
 * @since 0.1
 */
public enum AdminState {
  /** It carries frames when it has a carrier. */
  UP,
  /** It carries none. */
  DOWN
}
