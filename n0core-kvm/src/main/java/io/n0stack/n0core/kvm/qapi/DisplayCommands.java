package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.api.Rules;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Display, keyboard and mouse.
 *
 * <p>Thread-safe. What every command may throw is said at {@link Qapi}.
 *
 * @since 0.1
 */
public final class DisplayCommands {
  private final Call call;

  DisplayCommands(Call call) {
    this.call = call;
  }

  /**
   * Lists the VNC servers with the ports that they really have.
   *
   * @return the servers
   */
  public List<VncServer> vncServers() {
    return Read.list(call.run("query-vnc-servers"), "", VncServer::from);
  }

  /**
   * Asks for the SPICE server.
   *
   * @return the server
   */
  public SpiceServer spice() {
    return SpiceServer.from(call.run("query-spice"));
  }

  /**
   * Sets the password for new clients. VNC uses the first eight characters only and keeps
   * every client.
   *
   * @param protocol whose
   * @param password the password, never logged
   * @param connected what happens to clients
   */
  public void setPassword(PasswordProtocol protocol, String password, Connected connected) {
    call.run(
        "set_password",
        Args.of("protocol", protocol).put("password", password).put("connected", connected));
  }

  /**
   * Sets when the password ceases to be valid.
   *
   * @param protocol whose
   * @param expiry when
   */
  public void expirePassword(PasswordProtocol protocol, PasswordExpiry expiry) {
    call.run("expire_password", Args.of("protocol", protocol).put("time", Encode.expiry(expiry)));
  }

  /**
   * Lets the VNC server read its certificates again.
   */
  public void reloadCertificates() {
    call.run("display-reload", Args.of("type", "vnc").put("tls-certs", true));
  }

  /**
   * Changes what the VNC server listens on.
   *
   * @param addresses the new addresses
   */
  public void listenOn(List<? extends SocketAddress> addresses) {
    call.run(
        "display-update",
        Args.of("type", "vnc")
            .put("addresses", addresses.stream().map(Encode::address).toList()));
  }

  /**
   * Lets QEMU write a picture of the first display to a file.
   *
   * @param file the file, which QEMU must be allowed to write
   * @param format its format
   */
  public void screendump(Path file, ScreenFormat format) {
    call.run("screendump", Args.of("filename", file.toString()).put("format", format));
  }

  /**
   * Lets QEMU write a picture of a display to a file.
   *
   * @param file the file, which QEMU must be allowed to write
   * @param format its format
   * @param device the display device's id
   * @param head which of its displays, from 0
   */
  public void screendump(Path file, ScreenFormat format, String device, long head) {
    call.run(
        "screendump",
        Args.of("filename", file.toString())
            .put("format", format)
            .put("device", device)
            .put("head", Rules.range("head", head, 0, Integer.MAX_VALUE)));
  }

  /**
   * Presses keys together and releases them.
   *
   * @param keys the keys
   * @param hold how long, at least 1 ms
   */
  public void sendKeys(List<? extends Key> keys, Duration hold) {
    call.run(
        "send-key",
        Args.of("keys", keys.stream().map(Encode::key).toList())
            .put("hold-time", Rules.range("hold", hold.toMillis(), 1, 60_000)));
  }

  /**
   * Sends key and mouse events.
   *
   * @param events the events, as one
   */
  public void sendEvents(List<? extends InputEvent> events) {
    call.run(
        "input-send-event", Args.of("events", events.stream().map(Encode::input).toList()));
  }

  /**
   * Lists the pointing devices.
   *
   * @return the devices
   */
  public List<Mouse> mice() {
    return Read.list(call.run("query-mice"), "", Mouse::from);
  }
}
