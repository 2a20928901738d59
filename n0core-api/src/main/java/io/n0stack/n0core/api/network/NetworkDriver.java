package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.driver.Driver;

/**
 * Makes networks.
 *
 * @since 0.1
 */
public interface NetworkDriver extends Driver<NetworkSpec, NetworkStatus> {
  /** The kind of resource that network drivers make. */
  String KIND = "network";
}
