package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Guests behind a bridge of a host, and a server outside that knows no way back to them; each in a
 * network namespace, the host in that of the test.
 */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class NatIT {
  private static final String HOST = "192.0.2.1";
  private static final String SERVER = "192.0.2.2";
  private static final String GUEST = "10.77.0.2";
  private static final String NEIGHBOUR = "10.77.0.3";
  private static final String HOST6 = "2001:db8::1";
  private static final String SERVER6 = "2001:db8::2";
  private static final String GUEST6 = "fd00:77::2";
  private static final int PATIENCE_MILLIS = 10_000;

  private final List<Process> holders = new ArrayList<>();
  private final List<NetNs> namespaces = new ArrayList<>();
  private Nft nft;
  private Firewall firewall;
  private NetNs server;
  private NetNs guest;
  private NetNs neighbour;

  @BeforeEach
  void wire() throws IOException {
    nft = Nft.open();
    firewall = Firewall.of(nft, "n0core", "n0core test");
    Files.writeString(Path.of("/proc/sys/net/ipv4/ip_forward"), "1");
    Files.writeString(Path.of("/proc/sys/net/ipv6/conf/all/forwarding"), "1");
    ip("link set lo up");
    ip("link add br0 type bridge");
    ip("addr add 10.77.0.1/24 dev br0");
    ip("addr add fd00:77::1/64 dev br0 nodad");
    ip("link set br0 up");
    server = namespace("up0", SERVER + "/24", SERVER6 + "/64");
    ip("addr add " + HOST + "/24 dev up0");
    ip("addr add " + HOST6 + "/64 dev up0 nodad");
    guest = guest("veth1", GUEST, GUEST6);
    neighbour = guest("veth2", NEIGHBOUR, "fd00:77::3");
  }

  private NetNs guest(String link, String address, String address6) {
    NetNs namespace = namespace(link, address + "/24", address6 + "/64");
    ip("link set " + link + " master br0");
    in(namespace, "route add default via 10.77.0.1");
    in(namespace, "-6 route add default via fd00:77::1");
    return namespace;
  }

  /** Makes a namespace whose eth0 is the peer of a link here. */
  private NetNs namespace(String link, String address, String address6) {
    Process holder = start("unshare", "-n", "sleep", "600");
    holders.add(holder);
    Path own = Path.of("/proc/self/ns/net");
    Path other = Path.of("/proc", Long.toString(holder.pid()), "ns/net");
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> !Files.readSymbolicLink(other).equals(Files.readSymbolicLink(own))
            && !Files.readSymbolicLink(other).equals(here()));
    NetNs namespace = NetNs.ofProcess(holder.pid());
    namespaces.add(namespace);
    ip("link add " + link + " type veth peer name eth0 netns " + holder.pid());
    ip("link set " + link + " up");
    in(namespace, "link set eth0 up");
    in(namespace, "addr add " + address + " dev eth0");
    in(namespace, "addr add " + address6 + " dev eth0 nodad");
    return namespace;
  }

  private static Path here() throws IOException {
    return Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net"));
  }

  @AfterEach
  void unwire() {
    nft.close();
    namespaces.forEach(NetNs::close);
    holders.forEach(Process::destroyForcibly);
    holders.forEach(holder -> await().until(() -> !holder.isAlive()));
  }

  private static Process start(String... command) {
    try {
      return new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void ip(String arguments) {
    List<String> command = new ArrayList<>(List.of("ip"));
    command.addAll(Arrays.asList(arguments.split(" ")));
    Process process = start(command.toArray(String[]::new));
    try {
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(arguments + ": " + out).isZero();
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private static void in(NetNs namespace, String arguments) {
    namespace.call(() -> {
      ip(arguments);
      return true;
    });
  }

  private static InetAddress address(String text) {
    return CidrAddress.literal(text);
  }

  /** Sends a datagram and returns as whose it arrives, and whether an answer comes back. */
  private record Exchange(String source, boolean answered) {}

  private Exchange exchange(NetNs from, NetNs to, String address) throws IOException {
    try (DatagramSocket listener =
            to.call(() -> new DatagramSocket(new InetSocketAddress(address(address), 0)));
        DatagramSocket sender = from.call(DatagramSocket::new)) {
      byte[] hello = "hello".getBytes(StandardCharsets.UTF_8);
      sender.send(
          new DatagramPacket(hello, hello.length, address(address), listener.getLocalPort()));
      listener.setSoTimeout(10_000);
      DatagramPacket got = new DatagramPacket(new byte[100], 100);
      listener.receive(got);
      listener.send(new DatagramPacket(hello, hello.length, got.getSocketAddress()));
      sender.setSoTimeout(PATIENCE_MILLIS);
      return new Exchange(got.getAddress().getHostAddress(), receives(sender));
    }
  }

  private static boolean receives(DatagramSocket socket) throws IOException {
    try {
      socket.receive(new DatagramPacket(new byte[100], 100));
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      // The server has no way back and says so at once.
      return false;
    }
  }

  @Test
  void masqueradedGuestsReachOthersAsTheHost() throws IOException {
    in(server, "route add unreachable 10.77.0.0/24");
    assertThat(exchange(neighbour, guest, GUEST)).isEqualTo(new Exchange(NEIGHBOUR, true));

    firewall.masquerade(SourceNat.masquerade(
        "lan",
        List.of(CidrAddress.parse("10.77.0.1/24"), CidrAddress.parse("fd00:77::1/64")),
        "br0"));

    assertThat(exchange(guest, server, SERVER)).isEqualTo(new Exchange(HOST, true));
    assertThat(exchange(guest, server, SERVER6).source())
        .isEqualTo(address(HOST6).getHostAddress());
    assertThat(exchange(neighbour, guest, GUEST)).isEqualTo(new Exchange(NEIGHBOUR, true));

    firewall.unmasquerade("lan");

    in(server, "route del unreachable 10.77.0.0/24");
    in(server, "route add 10.77.0.0/24 via " + HOST);
    assertThat(exchange(guest, server, SERVER)).isEqualTo(new Exchange(GUEST, true));
  }

  @Test
  void sourceCanBecomeAnAddressOfChoice() throws IOException {
    ip("addr add 192.0.2.77/24 dev up0");
    firewall.masquerade(
        SourceNat.masquerade("lan", List.of(CidrAddress.parse("10.77.0.0/24")), "br0")
            .withAddress(address("192.0.2.77")));

    assertThat(exchange(guest, server, SERVER)).isEqualTo(new Exchange("192.0.2.77", true));
  }

  /** Connects by TCP, sends a byte, and returns from where the guest sees that come. */
  private static String connect(NetNs from, String host, ServerSocket listener) throws IOException {
    // Java makes the kernel's socket only when it connects.
    Callable<Socket> connected = () -> {
      Socket socket = new Socket();
      try {
        socket.connect(new InetSocketAddress(address(host), 8000), 5_000);
        return socket;
      } catch (IOException e) {
        socket.close();
        throw e;
      }
    };
    try (Socket client = from.call(connected)) {
      listener.setSoTimeout(5_000);
      try (Socket accepted = listener.accept()) {
        client.getOutputStream().write(42);
        assertThat(accepted.getInputStream().read()).isEqualTo(42);
        return accepted.getInetAddress().getHostAddress();
      }
    }
  }

  @Test
  void forwardedPortLeadsToTheGuest() throws IOException {
    in(server, "route add 10.77.0.0/24 via " + HOST);
    try (NetNs host = NetNs.current();
        ServerSocket listener = guest.call(() -> new ServerSocket(0, 5, address(GUEST)))) {
      PortForward forward = PortForward.of(
          "web1",
          PortForward.Protocol.TCP,
          new InetSocketAddress(address(HOST), 8000),
          new InetSocketAddress(address(GUEST), listener.getLocalPort()));
      assertThatThrownBy(() -> connect(server, HOST, listener))
          .hasRootCauseInstanceOf(ConnectException.class);

      firewall.forward(forward);

      assertThat(connect(server, HOST, listener)).isEqualTo(SERVER);
      assertThat(connect(host, HOST, listener)).isEqualTo(HOST);

      // Neighbours reach the guest only if it answers through the host.
      firewall.forward(forward.withHidden(CidrAddress.parse("10.77.0.0/24")));

      assertThat(connect(neighbour, HOST, listener)).isEqualTo("10.77.0.1");
      assertThat(connect(server, HOST, listener)).isEqualTo(SERVER);

      firewall.forward(forward.withHidden(CidrAddress.parse("0.0.0.0/0")));

      assertThat(connect(server, HOST, listener)).isEqualTo("10.77.0.1");

      firewall.unforward("web1");

      assertThatThrownBy(() -> connect(server, HOST, listener))
          .hasRootCauseInstanceOf(ConnectException.class);
    }
  }

  @Test
  void forwardedPortLeadsToTheGuestInIpv6() throws IOException {
    in(server, "-6 route add fd00:77::/64 via " + HOST6);
    try (ServerSocket listener = guest.call(() -> new ServerSocket(0, 5, address(GUEST6)))) {
      firewall.forward(PortForward.of(
          "web1",
          PortForward.Protocol.TCP,
          new InetSocketAddress(address(HOST6), 8000),
          new InetSocketAddress(address(GUEST6), listener.getLocalPort())));

      assertThat(connect(server, HOST6, listener)).isEqualTo(address(SERVER6).getHostAddress());
    }
  }
}
