package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Dhcp;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.net.netlink.BridgePort;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A real DHCP client on a network, with the MAC of a port. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class DhcpIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:00:00:01");
  private static final Dhcp TALKATIVE = Dhcp.addressesOnly()
      .withDnsServers(CidrAddress.literal("192.0.2.53"), CidrAddress.literal("192.0.2.54"))
      .withDomain("lan.example")
      .withLeaseTime(Duration.ofMinutes(5));

  @TempDir
  private Path directory;

  private final ResourceId lan = ResourceId.fresh("network", "lan");
  private ResourceId web1 = ResourceId.fresh("port", "web1");
  private Site guest;
  private Netlink netlink;
  private NetlinkNetworkDriver networks;
  private TapPortDriver ports;

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() throws Exception {
    assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
  }

  @BeforeEach
  void open() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    netlink = Netlink.open();
    guest = new Site();
    openDrivers();
  }

  private void openDrivers() {
    networks = NetlinkNetworkDriver.open(NetConfig.of(directory));
    ports = TapPortDriver.open(NetConfig.of(directory));
  }

  private void closeDrivers() {
    networks.close();
    ports.close();
  }

  @AfterEach
  void close() {
    netlink.links().find("to-guest").ifPresent(link -> netlink.links().delete(link.index()));
    networks.list().forEach(id -> {
      ports.list().forEach(port -> ports.delete(new StandaloneContext(), port));
      networks.delete(new StandaloneContext(), id);
    });
    assertThat(Residue.processes(directory)).isEmpty();
    closeDrivers();
    guest.close();
    netlink.close();
  }

  private static NetworkSpec network(Dhcp dhcp) {
    return NetworkSpec.Flat.isolated()
        .withMtu(1400)
        .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24")).withDhcp(dhcp));
  }

  private void apply(Dhcp dhcp) {
    networks.apply(new StandaloneContext(), lan, network(dhcp));
  }

  private NetworkStatus status() {
    return ((Observed.Present<NetworkStatus>) networks.observe(lan)).status();
  }

  private boolean complete() {
    return ((Observed.Present<NetworkStatus>) networks.observe(lan)).complete();
  }

  private void applyPort(String... addresses) {
    ports.apply(
        new StandaloneContext().with("network", "lan", status()),
        web1,
        PortSpec.builder("lan")
            .mac(MAC)
            .addresses(
                List.of(addresses).stream().map(CidrAddress::literal).toArray(InetAddress[]::new))
            .build());
  }

  private void plugGuest() {
    try (NetNs here = NetNs.current()) {
      LinkKind.Veth kind = new LinkKind.Veth(Optional.of("to-guest"), Optional.of(here));
      guest.netlink().links().create(LinkSpec.of("eth0", kind).withMac(MAC));
    }
    guest.up("eth0");
    netlink
        .links()
        .change(
            netlink.links().find("to-guest").orElseThrow().index(),
            LinkChange.none().withMaster(status().bridgeIndex()).up());
  }

  /** Asks for a lease, and returns what the client was told; empty if nobody answered. */
  private Map<String, String> lease(int attempts) throws IOException {
    Path told = directory.resolve("told");
    Path script = directory.resolve("script");
    Files.writeString(script, "#!/bin/sh\n[ \"$1\" = bound ] && env > " + told + "\nexit 0\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.deleteIfExists(told);
    guest.run(
        "busybox",
        "udhcpc",
        "-f",
        "-q",
        "-n",
        "-i",
        "eth0",
        "-s",
        script.toString(),
        "-T",
        "1",
        "-t",
        String.valueOf(attempts),
        "-O",
        "mtu");
    return Files.exists(told)
        ? Files.readAllLines(told).stream()
            .filter(line -> line.contains("="))
            .map(line -> line.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]))
        : Map.of();
  }

  @Test
  void clientGetsTheAddressesOfItsPortAndWhatTheNetworkTells() throws IOException {
    apply(TALKATIVE);
    applyPort("10.77.0.7", "fd00::7");
    plugGuest();

    assertThat(lease(20))
        .containsEntry("ip", "10.77.0.7")
        .containsEntry("subnet", "255.255.255.0")
        .containsEntry("router", "10.77.0.1")
        .containsEntry("dns", "192.0.2.53 192.0.2.54")
        .containsEntry("domain", "lan.example")
        .containsEntry("lease", "300")
        .containsEntry("mtu", "1400")
        .containsEntry("hostname", "web1");
  }

  @Test
  void clientOfNoPortGetsNothing() throws IOException {
    apply(Dhcp.addressesOnly());
    plugGuest();

    assertThat(lease(3)).isEmpty();

    applyPort("10.77.0.7");
    assertThat(lease(20)).containsEntry("ip", "10.77.0.7").doesNotContainKey("dns");

    applyPort("10.77.0.8");
    assertThat(lease(20)).containsEntry("ip", "10.77.0.8");

    ports.delete(new StandaloneContext(), web1);
    assertThat(lease(3)).isEmpty();
  }

  /** What one gets who has, or believes to have, an address, and asks for it at once: RFC 2131, 4.3.2. */
  private List<Integer> answers(MacAddress mac, String address, int requests) throws IOException {
    List<Integer> types = new ArrayList<>();
    try (Tap tap = Tap.create("asking")) {
      int index = netlink.links().find("asking").orElseThrow().index();
      netlink
          .links()
          .change(index, LinkChange.none().withMaster(status().bridgeIndex()).up());
      await()
          .until(() ->
              netlink.bridges().port(index).orElseThrow().state() == BridgePort.State.FORWARDING);
      for (int i = 0; i < requests; i++) {
        tap.write(DhcpFrames.request(mac, CidrAddress.literal(address), i + 1));
      }
      // Answers come in order: when the port's is there, those to all before are.
      tap.write(DhcpFrames.request(MAC, CidrAddress.literal("10.77.0.7"), requests + 1));
      ByteBuffer frame = ByteBuffer.allocateDirect(2000);
      long last = 0;
      while (last <= requests) {
        frame.clear();
        assertThat(tap.queues().get(0).read(frame, Duration.ofSeconds(20)))
            .as("bytes of an answer")
            .isPositive();
        frame.flip();
        if (DhcpFrames.isAnswer(frame)) {
          last = DhcpFrames.transaction(frame);
          types.add(DhcpFrames.type(frame));
        }
      }
    }
    return types;
  }

  @Test
  void strangersAreNotAnsweredAndPortsAreAlsoAfterARestart() throws IOException {
    apply(Dhcp.addressesOnly());
    applyPort("10.77.0.7");
    MacAddress stranger = MacAddress.parse("52:54:00:00:00:99");

    assertThat(answers(stranger, "10.77.0.50", 3)).containsExactly(DhcpFrames.ACK);
    assertThat(answers(stranger, "192.168.1.50", 3)).containsExactly(DhcpFrames.ACK);
    assertThat(answers(MAC, "10.77.0.9", 1)).containsExactly(DhcpFrames.NAK, DhcpFrames.ACK);

    ProcessHandle.of(status().dhcpServer().orElseThrow()).orElseThrow().destroyForcibly();
    await().until(() -> status().dhcpServer().isEmpty());
    apply(Dhcp.addressesOnly());
    assertThat(answers(stranger, "10.77.0.50", 1)).containsExactly(DhcpFrames.ACK);
  }

  /** What dnsmasq takes for something else in its list of hosts, and what looks like it. */
  @ParameterizedTest
  @CsvSource({
    "ignore,",
    "infinite,",
    "42,",
    "5d,",
    "1h,",
    "7w,",
    "3m,",
    "9s,",
    "0,",
    "id,id",
    "5x,5x",
    "infinite1,infinite1",
    "10-77-0-9,10-77-0-9",
    "525400000002,",
    "dead,dead"
  })
  void leaseIsTheSameWhateverAPortIsCalled(String name, String told) throws IOException {
    web1 = ResourceId.fresh("port", name);
    apply(TALKATIVE);
    applyPort("10.77.0.7");
    plugGuest();

    Map<String, String> lease = lease(20);

    assertThat(lease).containsEntry("ip", "10.77.0.7").containsEntry("lease", "300");
    assertThat(Optional.ofNullable(lease.get("hostname"))).isEqualTo(Optional.ofNullable(told));
  }

  @Test
  void guestMakesNoFileGrow() throws IOException {
    apply(Dhcp.addressesOnly());
    applyPort("10.77.0.7");
    long before = size();

    assertThat(answers(MAC, "10.77.0.9", 20)).contains(DhcpFrames.NAK);

    assertThat(size()).isEqualTo(before);
    assertThat(Files.getOwner(Path.of("/dev/null")).getName()).isEqualTo("root");
  }

  private long size() throws IOException {
    try (var files = Files.walk(directory)) {
      return files
          .filter(Files::isRegularFile)
          .mapToLong(file -> file.toFile().length())
          .sum();
    }
  }

  @Test
  void serverThatDoesNotStartSaysWhy() {
    networks.close();
    networks = NetlinkNetworkDriver.open(new NetConfig(
        directory, scriptThatFails().toString(), NetConfig.of(directory).table()));

    assertThatThrownBy(() -> apply(TALKATIVE))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
        .hasMessageContaining("status 2: dnsmasq: failed to bind");
  }

  private Path scriptThatFails() {
    try {
      Path program = Files.writeString(
          directory.resolve("dnsmasq"), "#!/bin/sh\necho 'dnsmasq: failed to bind' >&2\nexit 2\n");
      return Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void serverOutlivesTheAgentAndTheNextOneAdoptsIt() throws IOException {
    apply(TALKATIVE);
    applyPort("10.77.0.7");
    plugGuest();
    long pid = status().dhcpServer().orElseThrow();

    closeDrivers();
    assertThat(lease(20)).as("while there is no agent").containsEntry("ip", "10.77.0.7");
    openDrivers();

    assertThat(complete()).isTrue();
    apply(TALKATIVE);
    assertThat(status().dhcpServer()).as("not started again").contains(pid);
    ProcessHandle server = ProcessHandle.of(pid).orElseThrow();
    assertThat(server.parent())
        .as("nobody's child")
        .isNotEqualTo(Optional.of(ProcessHandle.current()));
    assertThat(lease(20)).containsEntry("ip", "10.77.0.7");
  }

  @Test
  void portsFromBeforeAreServedWhenTheNetworkGetsDhcp() throws IOException {
    networks.apply(
        new StandaloneContext(),
        lan,
        NetworkSpec.Flat.isolated()
            .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))));
    applyPort("10.77.0.7");
    plugGuest();
    assertThat(status().dhcpServer()).isEmpty();

    apply(TALKATIVE);

    assertThat(lease(20)).containsEntry("ip", "10.77.0.7");
  }

  @Test
  void serverThatDiesIsDriftThatApplyMends() throws IOException {
    apply(TALKATIVE);
    applyPort("10.77.0.7");
    plugGuest();
    long pid = status().dhcpServer().orElseThrow();

    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    await().until(() -> status().dhcpServer().isEmpty());
    assertThat(complete()).isFalse();
    apply(TALKATIVE);

    assertThat(complete()).isTrue();
    assertThat(lease(20)).containsEntry("ip", "10.77.0.7");
  }

  /** A link that goes while dnsmasq looks at all links ends it; that cannot be had on demand. */
  @Test
  void serverIsStartedAgainIfALinkWentWhileItLooked() throws IOException {
    Path runs = directory.resolve("runs");
    Path program = Files.writeString(
        directory.resolve("dnsmasq"),
        "#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\necho x >> '" + runs + "'\n"
            + "[ $(wc -l < '" + runs + "') -gt 2 ] && exec dnsmasq \"$@\"\n"
            + "echo 'dnsmasq: failed to find list of interfaces: No such device' >&2\nexit 5\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    networks.close();
    networks = NetlinkNetworkDriver.open(
        new NetConfig(directory, program.toString(), NetConfig.of(directory).table()));

    apply(TALKATIVE);

    assertThat(runs).hasContent("x\nx\nx");
    assertThat(complete()).isTrue();
    assertThat(status().dhcpServer()).isPresent();
  }

  @Test
  void changedOptionsNeedAnotherServerAndNoneRemainsWithoutDhcp() throws IOException {
    apply(TALKATIVE);
    applyPort("10.77.0.7");
    plugGuest();
    long pid = status().dhcpServer().orElseThrow();

    apply(TALKATIVE.withDomain("other.example"));

    assertThat(status().dhcpServer()).isPresent().isNotEqualTo(Optional.of(pid));
    assertThat(Residue.processes(directory)).hasSize(1);
    assertThat(lease(20)).containsEntry("domain", "other.example");

    networks.apply(
        new StandaloneContext(),
        lan,
        NetworkSpec.Flat.isolated()
            .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))));
    assertThat(complete()).isTrue();
    assertThat(Residue.processes(directory)).isEmpty();
  }

  @Test
  void processThatTookOverTheNumberIsNeitherAdoptedNorKilled() throws IOException {
    apply(TALKATIVE);
    Path pidFile;
    try (var files = Files.walk(directory)) {
      pidFile = files.filter(file -> file.endsWith("dnsmasq.pid")).findFirst().orElseThrow();
    }
    long server = status().dhcpServer().orElseThrow();
    Files.writeString(pidFile, ProcessHandle.current().pid() + "\n");

    assertThat(status().dhcpServer()).as("found without its file").contains(server);

    networks.delete(new StandaloneContext(), lan);
    assertThat(Residue.processes(directory)).isEmpty();
    assertThat(networks.observe(lan)).isInstanceOf(Observed.Absent.class);
  }

  @Test
  void processThatOnlyHasTheArgumentIsNeitherAdoptedNorKilled() throws IOException {
    apply(TALKATIVE);
    long server = status().dhcpServer().orElseThrow();
    String argument = "--conf-file=" + directory + "/lan." + lan.uid() + "/dnsmasq.conf";
    Process other = new ProcessBuilder("sh", "-c", "read x", "sh", argument).start();
    try (var input = other.getOutputStream()) {
      ProcessHandle.of(server).orElseThrow().destroyForcibly();
      await()
          .until(() ->
              !Residue.processes(directory).stream().anyMatch(line -> line.contains(argument)));

      assertThat(status().dhcpServer()).isEmpty();
      networks.delete(new StandaloneContext(), lan);

      assertThat(other.isAlive()).isTrue();
      input.write('\n');
    }
    await().until(() -> !other.isAlive());
    assertThat(other.exitValue()).as("ended by itself").isZero();
  }

  @Test
  void whatDhcpLacksIsRefusedBeforeAnyEffect() throws IOException {
    List<String> before = Residue.lines(directory);
    try (NetlinkNetworkDriver without = NetlinkNetworkDriver.open(
        new NetConfig(directory, "dnsmasq-that-is-not-there", "n0core"))) {
      assertThatThrownBy(
              () -> without.apply(new StandaloneContext(), lan, network(Dhcp.addressesOnly())))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION))
          .hasMessageContaining("install the package dnsmasq-base");
    }
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
    assertThatThrownBy(
            () -> networks.apply(new StandaloneContext(), lan, network(Dhcp.addressesOnly())))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION))
        .hasMessageContaining("must be able to search");

    assertThat(Residue.lines(directory)).isEqualTo(before);
  }
}
