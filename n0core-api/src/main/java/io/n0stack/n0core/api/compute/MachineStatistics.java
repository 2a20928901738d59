package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;

/**
 * A compute driver's capability: what machines use. Cheap enough to poll a hundred of them.
 *
 * @since 0.1
 */
public interface MachineStatistics {
  /**
   * Looks what a machine has used. Changes nothing.
   *
   * @param machine the machine
   * @return what it has used since its emulator was started
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if it is off; BUSY or UNAVAILABLE if
   *     it cannot be asked
   */
  MachineUsage usage(ResourceId machine);
}
