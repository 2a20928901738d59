package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.Transport;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the agent is told on its command line, as pairs of {@code --KEY VALUE}.
 *
 * @param name {@code --name}, the node's name
 * @param state {@code --state}, the agent's own directory
 * @param listen {@code --listen}, HOST:PORT of its member
 * @param api {@code --api}, HOST:PORT of each API's member, separated by commas
 * @param transport {@code --transport}, how the members know each other, see {@link Transport#parse}
 * @param control {@code --control}, HOST:PORT of its HTTP door, loopback only; port 0 for any
 * @param drivers every other key, such as {@code --kvm.directory}, for the drivers
 */
record Arguments(
    String name,
    Path state,
    String listen,
    List<String> api,
    Transport transport,
    InetSocketAddress control,
    Map<String, String> drivers) {
  private static final int LARGEST_PORT = 65535;

  static Arguments parse(String[] args) {
    Map<String, String> pairs = new HashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--") || i + 1 == args.length) {
        throw N0Exception.invalid("argument", args[i], "must be --KEY followed by a value");
      }
      if (pairs.put(args[i].substring(2), args[i + 1]) != null) {
        throw N0Exception.invalid("argument", args[i], "must be given once");
      }
    }
    return new Arguments(
        take(pairs, "name"),
        Path.of(take(pairs, "state")),
        take(pairs, "listen"),
        List.of(take(pairs, "api").split(",", -1)),
        Transport.parse(take(pairs, "transport")),
        loopback(take(pairs, "control")),
        Map.copyOf(pairs));
  }

  private static String take(Map<String, String> pairs, String key) {
    return Optional.ofNullable(pairs.remove(key))
        .orElseThrow(() -> N0Exception.invalid("argument", "--" + key, "must be given"));
  }

  private static InetSocketAddress loopback(String text) {
    int colon = text.lastIndexOf(':');
    String digits = text.substring(colon + 1);
    int port = digits.matches("\\d{1,5}") ? Integer.parseInt(digits) : LARGEST_PORT + 1;
    if (colon > 0 && port <= LARGEST_PORT) {
      InetSocketAddress address = new InetSocketAddress(text.substring(0, colon), port);
      if (address.getAddress() != null && address.getAddress().isLoopbackAddress()) {
        return address;
      }
    }
    throw N0Exception.invalid("argument --control", text, "must be HOST:PORT on loopback");
  }
}
