package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.driver.ResourceId;

/**
 * The way to the agents in the guests of a driver's machines. A capability of the driver of machines.
 * An agent serves one client at a time, also the driver itself, which asks it when a guest is shut
 * down or its file systems are frozen: whoever opens it closes it soon. Thread-safe.
 *
 * @since 0.1
 */
public interface GuestAccess {
  /**
   * Connects to the agent in a machine's guest, with {@link GuestAgentOptions#defaults()}.
   *
   * @param machine the machine, which runs
   * @return the agent, which the caller closes
   * @throws io.n0stack.n0core.api.N0Exception as the other method
   */
  default GuestAgent open(ResourceId machine) {
    return open(machine, GuestAgentOptions.defaults());
  }

  /**
   * Connects to the agent in a machine's guest. Waits for its turn at most as long as for a sync.
   *
   * @param machine the machine, which runs
   * @param options what is allowed; whether there is an agent is asked of the machine, so their port
   *     is not used
   * @return the agent, which the caller closes
   * @throws io.n0stack.n0core.api.N0Exception NOT_FOUND if there is no such machine; PRECONDITION if
   *     it is off; UNAVAILABLE if there is no agent in its guest; BUSY if the agent serves another
   *     client, is busy, or the guest stands still
   */
  GuestAgent open(ResourceId machine, GuestAgentOptions options);
}
