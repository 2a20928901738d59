package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;

/**
 * A compute driver's capability: power.
 *
 * @since 0.1
 */
public interface Power {
  /**
   * Does one power action and returns when it has taken effect.
   *
   * @param cx progress, cancellation, deadline; a guest that ignores ACPI is given what remains
   * @param machine the machine
   * @param action what to do
   * @throws N0Exception NOT_FOUND if there is no such machine; PRECONDITION if its state does not allow
   *     the action; UNAVAILABLE if its monitor does not answer or the guest did not obey in time
   */
  void power(Context cx, ResourceId machine, PowerAction action);
}
