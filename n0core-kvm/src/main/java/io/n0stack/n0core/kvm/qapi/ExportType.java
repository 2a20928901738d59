package io.n0stack.n0core.kvm.qapi;

/**
 * How a node is offered.
 *
 * @since 0.1
 */
public enum ExportType {
  /** By the NBD server. */
  NBD,
  /** As a vhost-user device. */
  VHOST_USER_BLK,
  /** As a file. */
  FUSE,
  /** As a vDPA device. */
  VDUSE_BLK
}
