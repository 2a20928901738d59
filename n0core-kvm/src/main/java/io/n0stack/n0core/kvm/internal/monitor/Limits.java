package io.n0stack.n0core.kvm.internal.monitor;

import java.time.Duration;

/**
 * How long is waited for QEMU.
 *
 * @param monitor for a monitor to greet, and to answer when a machine is looked at
 * @param command for the answer to a command that changes something
 * @param launch from starting QEMU until its monitors answer
 * @param end for each step of ending QEMU: quit, SIGTERM, SIGKILL
 */
public record Limits(Duration monitor, Duration command, Duration launch, Duration end) {
  /**
   * Shortens all limits to what an operation has left.
   *
   * @param remaining the time left
   * @return limits of which none is longer
   */
  public Limits within(Duration remaining) {
    return new Limits(
        least(monitor, remaining),
        least(command, remaining),
        least(launch, remaining),
        least(end, remaining));
  }

  /**
   * Shortens a limit to what an operation has left.
   *
   * @param limit the limit
   * @param remaining the time left
   * @return the shorter one
   */
  public static Duration least(Duration limit, Duration remaining) {
    return limit.compareTo(remaining) < 0 ? limit : remaining;
  }
}
