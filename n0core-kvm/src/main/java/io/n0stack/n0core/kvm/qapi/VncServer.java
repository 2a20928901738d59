package io.n0stack.n0core.kvm.qapi;

import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.List;
import java.util.Optional;

/**
 * A VNC server.
 *
 * @param id its id
 * @param listeners the addresses that it listens on
 * @param clients who is connected
 * @param auth how clients log in, {@code none} if not at all
 * @param vencrypt how, if by VeNCrypt
 * @param display the display device that it shows
 * @since 0.1
 */
public record VncServer(
    String id,
    List<VncListener> listeners,
    List<VncClient> clients,
    String auth,
    Optional<String> vencrypt,
    Optional<String> display) {
  /** Copies the lists. */
  public VncServer {
    listeners = List.copyOf(listeners);
    clients = List.copyOf(clients);
  }

  static VncServer from(QmpResult result) {
    return new VncServer(
        result.text("/id"),
        Read.list(result, "/server", VncListener::from),
        Read.list(result, "/clients", VncClient::from),
        result.text("/auth"),
        Read.optText(result, "/vencrypt"),
        Read.optText(result, "/display"));
  }
}
