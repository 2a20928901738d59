package io.n0stack.n0core.kvm.qapi;

import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Character devices.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class ChardevCommands {
  private final Call call;

  ChardevCommands(Call call) {
    this.call = call;
  }

  /**
   * Lists the character devices.
   *
   * @return the devices
   */
  public List<Chardev> list() {
    return Read.list(call.run("query-chardev"), "", Chardev::from);
  }

  /**
   * Creates a character device.
   *
   * @param id its id
   * @param backend {@code type} and {@code data}, as QAPI's ChardevBackend has them
   * @return the terminal's device, if it is a pseudo terminal
   */
  public Optional<Path> add(String id, Map<String, ?> backend) {
    return Read.optText(call.run("chardev-add", Args.of("id", id).put("backend", backend)), "/pty")
        .map(Path::of);
  }

  /**
   * Gives a character device another back end.
   *
   * @param id its id
   * @param backend {@code type} and {@code data}
   * @return the terminal's device, if it is a pseudo terminal
   */
  public Optional<Path> change(String id, Map<String, ?> backend) {
    return Read.optText(
            call.run("chardev-change", Args.of("id", id).put("backend", backend)), "/pty")
        .map(Path::of);
  }

  /**
   * Removes a character device that no device uses.
   *
   * @param id its id
   */
  public void remove(String id) {
    call.run("chardev-remove", Args.of("id", id));
  }

  /**
   * Sends a break to a serial port.
   *
   * @param id the character device's id
   */
  public void sendBreak(String id) {
    call.run("chardev-send-break", Args.of("id", id));
  }

  /**
   * Takes bytes out of a ring buffer.
   *
   * @param id the ring buffer's id
   * @param bytes the most to take
   * @return what there was
   */
  public byte[] readRing(String id, int bytes) {
    return Read.base64(
        call.run(
            "ringbuf-read",
            Args.of("device", id).put("size", bytes).put("format", TextFormat.BASE64)),
        "");
  }

  /**
   * Puts bytes into a ring buffer; the oldest are lost if it is full.
   *
   * @param id the ring buffer's id
   * @param data the bytes
   */
  public void writeRing(String id, byte[] data) {
    call.run(
        "ringbuf-write",
        Args.of("device", id)
            .put("data", Base64.getEncoder().encodeToString(data))
            .put("format", TextFormat.BASE64));
  }
}
