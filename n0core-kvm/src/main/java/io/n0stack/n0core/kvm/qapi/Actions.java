package io.n0stack.n0core.kvm.qapi;

import java.util.Optional;

/**
 * What the guest's own power events do; what is empty stays as it is.
 *
 * @param reboot what its reboot does
 * @param shutdown what its power-off does
 * @param panic what its panic does
 * @param watchdog what its expired watchdog does
 * @since 0.1
 */
public record Actions(
    Optional<RebootAction> reboot,
    Optional<ShutdownAction> shutdown,
    Optional<PanicAction> panic,
    Optional<WatchdogAction> watchdog) {
  /**
   * Changes nothing.
   *
   * @return actions to which others are added
   */
  public static Actions unchanged() {
    return new Actions(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  /**
   * Returns the same with another action.
   *
   * @param action what the guest's reboot does
   * @return a copy
   */
  public Actions withReboot(RebootAction action) {
    return new Actions(Optional.of(action), shutdown, panic, watchdog);
  }

  /**
   * Returns the same with another action.
   *
   * @param action what the guest's power-off does
   * @return a copy
   */
  public Actions withShutdown(ShutdownAction action) {
    return new Actions(reboot, Optional.of(action), panic, watchdog);
  }

  /**
   * Returns the same with another action.
   *
   * @param action what the guest's panic does
   * @return a copy
   */
  public Actions withPanic(PanicAction action) {
    return new Actions(reboot, shutdown, Optional.of(action), watchdog);
  }

  /**
   * Returns the same with another action.
   *
   * @param action what the guest's expired watchdog does
   * @return a copy
   */
  public Actions withWatchdog(WatchdogAction action) {
    return new Actions(reboot, shutdown, panic, Optional.of(action));
  }

  Args arguments() {
    return Args.of()
        .put("reboot", reboot)
        .put("shutdown", shutdown)
        .put("panic", panic)
        .put("watchdog", watchdog);
  }
}
