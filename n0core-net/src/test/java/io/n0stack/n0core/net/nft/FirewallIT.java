package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class FirewallIT {
  private static final String OWNER = "n0core test";
  private static final TableId FILTER = new TableId(Family.BRIDGE, "n0core");
  private static final TableId NAT = new TableId(Family.INET, "n0core");
  private static final MacAddress MAC = MacAddress.parse("52:54:00:00:00:01");
  private static final List<CidrAddress> ADDRESSES =
      List.of(CidrAddress.parse("10.77.0.2/32"), CidrAddress.parse("fd00:77::/64"));
  private static final PortGuard STRICT =
      PortGuard.strict("n0core:port:web1", MAC, ADDRESSES).withIsolation(Isolation.ISOLATED);
  private static final PortGuard OPEN = PortGuard.open("n0core:port:web2");
  private static final SourceNat LAN =
      SourceNat.masquerade("lan", List.of(CidrAddress.parse("10.77.0.1/24")), "br0");
  private static final PortForward HTTP = PortForward.of(
          "web1",
          PortForward.Protocol.TCP,
          new InetSocketAddress(CidrAddress.literal("192.0.2.1"), 80),
          new InetSocketAddress(CidrAddress.literal("10.77.0.2"), 8080))
      .withHidden(CidrAddress.parse("10.77.0.0/24"));

  private Nft nft;
  private Firewall firewall;

  @BeforeEach
  void open() {
    nft = Nft.open();
    firewall = Firewall.of(nft, "n0core", OWNER);
  }

  @AfterEach
  void close() {
    nft.close();
  }

  @Test
  void doingItAgainSendsNothing() {
    assertThat(firewall.guard("tap1", STRICT)).isTrue();
    assertThat(firewall.guard("tap2", OPEN)).isTrue();
    assertThat(firewall.masquerade(LAN)).isTrue();
    assertThat(firewall.forward(HTTP)).isTrue();
    long generation = nft.generation();

    assertThat(firewall.guard("tap1", STRICT)).isFalse();
    assertThat(firewall.guard("tap2", OPEN)).isFalse();
    assertThat(firewall.masquerade(LAN)).isFalse();
    assertThat(firewall.forward(HTTP)).isFalse();

    assertThat(nft.generation()).isEqualTo(generation);
    assertThat(firewall.isGuarded("tap1", STRICT)).isTrue();
    assertThat(firewall.isGuarded("tap1", STRICT.withIsolation(Isolation.SHARED)))
        .isFalse();
    assertThat(firewall.isGuarded("tap3", OPEN)).isFalse();
    assertThat(firewall.isMasqueraded(LAN)).isTrue();
    assertThat(firewall.isForwarded(HTTP)).isTrue();
  }

  @Test
  void whatIsThereIsListedWithItsStamps() {
    firewall.guard("tap1", STRICT);
    firewall.guard("tap2", OPEN);
    firewall.masquerade(LAN);
    firewall.forward(HTTP);

    assertThat(firewall.ports())
        .containsExactly(
            new GuardedPort("tap1", "n0core:port:web1", Isolation.ISOLATED, 0),
            new GuardedPort("tap2", "n0core:port:web2", Isolation.SHARED, 0));
    assertThat(firewall.masquerades()).containsExactly("lan");
    assertThat(firewall.forwards()).containsExactly("web1");
  }
}
