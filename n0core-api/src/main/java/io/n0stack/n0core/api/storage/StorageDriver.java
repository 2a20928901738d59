package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.driver.Driver;

/**
 * Makes volumes.
 *
 * @since 0.1
 */
public interface StorageDriver extends Driver<VolumeSpec, VolumeStatus> {
  /** The kind of resource that storage drivers make. */
  String KIND = "volume";

  /** A lost volume is reported, never replaced by an empty one. */
  @Override
  default Loss onLoss() {
    return Loss.REPORT;
  }
}
