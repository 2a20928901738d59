package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.driver.Driver;

/**
 * Makes ports.
 *
 * @since 0.1
 */
public interface PortDriver extends Driver<PortSpec, PortStatus> {
  /** The kind of resource that port drivers make. */
  String KIND = "port";
}
