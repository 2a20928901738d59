package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.driver.Driver;

/**
 * Makes machines.
 *
 * @since 0.1
 */
public interface ComputeDriver extends Driver<MachineSpec, MachineStatus>, Power {
  /** The kind of resource that compute drivers make. */
  String KIND = "machine";
}
