package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.PluginConfig;
import java.time.Duration;

/**
 * How long is waited for guests, which do what they are asked when it suits them, or never. Each is 1 ms to 1 day.
 *
 * @param unplug how long a guest may take to release the devices that are to be taken out, or to open the trays of its
 *     CD-ROM drives, for all of them together; after that the change is unfinished and the guest stays asked
 * @param buttonPeriod the time from one press of the power button to the next, while a guest is to shut down
 * @param guestAgent how long the agent in a guest may take to show a sign of life, and others of this program to let go of
 *     it; after that it is done without it: by the power button, or by a snapshot of a guest that is not frozen
 * @param freeze how long the agent in a guest may take to freeze its file systems for a snapshot, and to thaw them
 * @since 0.1
 */
public record Patience(
    Duration unplug, Duration buttonPeriod, Duration guestAgent, Duration freeze) {
  private static final Duration LEAST = Duration.ofMillis(1);
  private static final Duration MOST = Duration.ofDays(1);

  /**
   * Checks the times.
   *
   * @throws N0Exception INVALID if one is out of its range
   */
  public Patience {
    requireTime("kvm.unplug-timeout", unplug);
    requireTime("kvm.button-period", buttonPeriod);
    requireTime("kvm.guest-agent-timeout", guestAgent);
    requireTime("kvm.freeze-timeout", freeze);
  }

  static void requireTime(String key, Duration time) {
    if (time.compareTo(LEAST) < 0 || time.compareTo(MOST) > 0) {
      throw N0Exception.invalid(key, time, "must be 1 ms to 1 day");
    }
  }

  /**
   * Waits 10 s for devices, 5 s between presses of the power button, 1 s for a sign of an agent, 20 s for file systems.
   *
   * @return the usual patience
   */
  public static Patience usual() {
    return new Patience(
        Duration.ofSeconds(10),
        Duration.ofSeconds(5),
        Duration.ofSeconds(1),
        Duration.ofSeconds(20));
  }

  /**
   * Waits otherwise for devices.
   *
   * @param time how long a guest may take to release them
   * @return a changed copy
   * @throws N0Exception INVALID if it is out of its range
   */
  public Patience withUnplug(Duration time) {
    return new Patience(time, buttonPeriod, guestAgent, freeze);
  }

  /**
   * Presses the power button more or less often.
   *
   * @param time the time from one press to the next
   * @return a changed copy
   * @throws N0Exception INVALID if it is out of its range
   */
  public Patience withButtonPeriod(Duration time) {
    return new Patience(unplug, time, guestAgent, freeze);
  }

  /**
   * Waits otherwise for a sign of an agent.
   *
   * @param time how long it may take
   * @return a changed copy
   * @throws N0Exception INVALID if it is out of its range
   */
  public Patience withGuestAgent(Duration time) {
    return new Patience(unplug, buttonPeriod, time, freeze);
  }

  /**
   * Waits otherwise for file systems to be frozen or thawed.
   *
   * @param time how long the agent may take
   * @return a changed copy
   * @throws N0Exception INVALID if it is out of its range
   */
  public Patience withFreeze(Duration time) {
    return new Patience(unplug, buttonPeriod, guestAgent, time);
  }

  static Patience read(PluginConfig config) {
    Patience usual = usual();
    return new Patience(
        config.seconds("unplug-timeout", usual.unplug()),
        config.seconds("button-period", usual.buttonPeriod()),
        config.seconds("guest-agent-timeout", usual.guestAgent()),
        config.seconds("freeze-timeout", usual.freeze()));
  }
}
