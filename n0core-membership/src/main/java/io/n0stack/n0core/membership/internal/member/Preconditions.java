package io.n0stack.n0core.membership.internal.member;

import com.esotericsoftware.kryo.Kryo;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.Ipv4;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What must hold before anything is started. */
public final class Preconditions {
  private static final List<String> OPENED = List.of("java.util", "java.util.concurrent.atomic");
  private static final Path OWN_NAMESPACE = Path.of("/proc/self/ns/net");
  private static final Path FIRST_NAMESPACE = Path.of("/proc/1/ns/net");

  private Preconditions() {}

  static void requireOpens() {
    Module reflecting = Kryo.class.getModule();
    Module base = Object.class.getModule();
    String missing = OPENED.stream()
        .filter(name -> !base.isOpen(name, reflecting))
        .map(name -> "--add-opens java.base/" + name + "=ALL-UNNAMED")
        .collect(Collectors.joining(" "));
    if (!missing.isEmpty()) {
      throw new N0Exception(
          Code.PRECONDITION,
          "JVM flags",
          "open membership: Atomix needs reflection that this JVM forbids; start it with "
              + missing);
    }
  }

  static void requireIsolated(MembershipConfig config) {
    if (config.transport() != Transport.PLAINTEXT_ISOLATED
        || Ipv4.loopback(config.listen().host())) {
      return;
    }
    Optional<String> why = notIsolated(OWN_NAMESPACE, FIRST_NAMESPACE);
    if (why.isPresent()) {
      throw new N0Exception(
          Code.UNSUPPORTED,
          "listen",
          "listen on \""
              + config.listen()
              + "\" in the clear: "
              + why.get()
              + "; use Transport.mutualTls, a loopback address, or a network namespace of its own,"
              + " or say Transport.PLAINTEXT_ANYWHERE");
    }
  }

  /**
   * Says why the process is not known to be in a network namespace of its own, if so.
   *
   * @param own the namespace of this process
   * @param first that of process 1
   * @return why not, empty if it is
   */
  public static Optional<String> notIsolated(Path own, Path first) {
    try {
      Path mine = Files.readSymbolicLink(own);
      Path initial = Files.readSymbolicLink(first);
      return mine.equals(initial)
          ? Optional.of("this process shares the network of process 1")
          : Optional.empty();
    } catch (IOException e) {
      return Optional.of("it cannot be told whose network this process is in (" + e + ")");
    }
  }

  /** Tries the address, because Netty keeps its threads when a bind fails. */
  static void requireListenable(HostPort listen) {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress(InetAddress.getByName(listen.host()), listen.port()));
    } catch (IOException e) {
      throw listenFailed(listen, e);
    }
  }

  static N0Exception listenFailed(HostPort listen, Throwable cause) {
    String reason = String.valueOf(cause.getMessage());
    Code code = Code.UNAVAILABLE;
    if (cause instanceof BindException && reason.contains("in use")) {
      code = Code.ALREADY_EXISTS;
    } else if (reason.contains("Permission denied")) {
      code = Code.PERMISSION;
    }
    return new N0Exception(code, "listen", "listen on \"" + listen + "\": " + reason, cause);
  }
}
