package io.n0stack.n0core.kvm.qapi;

import java.nio.file.Path;

/**
 * Removable media.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class MediumCommands {
  private final Call call;

  MediumCommands(Call call) {
    this.call = call;
  }

  /**
   * Takes the medium out, if the guest has not locked the tray.
   *
   * @param device the device's id or object path
   */
  public void eject(String device) {
    call.run("eject", Args.of("id", device));
  }

  /**
   * Takes the medium out even if the guest has locked the tray.
   *
   * @param device the device's id or object path
   */
  public void ejectForcibly(String device) {
    call.run("eject", Args.of("id", device).put("force", true));
  }

  /**
   * Replaces the medium: opens the tray, changes, closes.
   *
   * @param device the device's id or object path
   * @param file the new medium's image
   * @param format its format
   * @param mode whether it can be written
   */
  public void change(String device, Path file, String format, ReadOnlyMode mode) {
    call.run(
        "blockdev-change-medium",
        Args.of("id", device)
            .put("filename", file.toString())
            .put("format", format)
            .put("read-only-mode", mode));
  }

  /**
   * Opens the tray, or asks the guest to if it has locked it; the event DEVICE_TRAY_MOVED
   * tells when.
   *
   * @param device the device's id or object path
   */
  public void openTray(String device) {
    call.run("blockdev-open-tray", Args.of("id", device));
  }

  /**
   * Opens the tray even if the guest has locked it.
   *
   * @param device the device's id or object path
   */
  public void openTrayForcibly(String device) {
    call.run("blockdev-open-tray", Args.of("id", device).put("force", true));
  }

  /**
   * Closes the tray.
   *
   * @param device the device's id or object path
   */
  public void closeTray(String device) {
    call.run("blockdev-close-tray", Args.of("id", device));
  }

  /**
   * Puts a node into an open, empty tray.
   *
   * @param device the device's id or object path
   * @param node the node
   */
  public void insert(String device, String node) {
    call.run("blockdev-insert-medium", Args.of("id", device).put("node-name", node));
  }

  /**
   * Takes the node out of an open tray.
   *
   * @param device the device's id or object path
   */
  public void remove(String device) {
    call.run("blockdev-remove-medium", Args.of("id", device));
  }
}
