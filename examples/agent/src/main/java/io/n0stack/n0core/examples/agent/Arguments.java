package io.n0stack.n0core.examples.agent;

import io.n0stack.n0core.api.N0Exception;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What the agent is told on its command line, as pairs of {@code --KEY VALUE}.
 *
 * @param name {@code --name}, the node's name
 * @param state {@code --state}, the agent's own directory
 * @param listen {@code --listen}, HOST:PORT of its member
 * @param api {@code --api}, HOST:PORT of an API's member
 * @param control {@code --control}, HOST:PORT of its HTTP door, loopback only; port 0 for any
 * @param drivers every other key, such as {@code --kvm.directory}, for the drivers
 */
record Arguments(
    String name,
    Path state,
    String listen,
    String api,
    InetSocketAddress control,
    Map<String, String> drivers) {

  static Arguments parse(String[] args) {
    Map<String, String> pairs = new HashMap<>();
    for (int i = 0; i < args.length; i += 2) {
      if (!args[i].startsWith("--") || i + 1 == args.length) {
        throw N0Exception.invalid("argument", args[i], "must be --KEY followed by a value");
      }
      pairs.put(args[i].substring(2), args[i + 1]);
    }
    return new Arguments(
        take(pairs, "name"),
        Path.of(take(pairs, "state")),
        take(pairs, "listen"),
        take(pairs, "api"),
        loopback(take(pairs, "control")),
        Map.copyOf(pairs));
  }

  private static String take(Map<String, String> pairs, String key) {
    return Optional.ofNullable(pairs.remove(key))
        .orElseThrow(() -> N0Exception.invalid("argument", "--" + key, "must be given"));
  }

  private static InetSocketAddress loopback(String text) {
    int colon = text.lastIndexOf(':');
    if (colon > 0 && text.substring(colon + 1).matches("\\d{1,5}")) {
      InetSocketAddress address = new InetSocketAddress(
          text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
      if (address.getAddress() != null && address.getAddress().isLoopbackAddress()) {
        return address;
      }
    }
    throw N0Exception.invalid("argument --control", text, "must be HOST:PORT on loopback");
  }
}
