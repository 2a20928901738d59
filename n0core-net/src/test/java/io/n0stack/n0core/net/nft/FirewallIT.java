package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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

  @Test
  void nftShowsWhatIsThere() {
    firewall.guard("tap1", STRICT);
    firewall.masquerade(LAN);
    firewall.forward(HTTP);

    assertThat(NftProgram.list(FILTER))
        .contains("comment \"n0core test\"")
        .contains("elements = { \"tap1\" : jump port-tap1 }")
        .contains("iifname @isolated oifname @ports counter drop")
        .contains("comment \"n0core:port:web1\"")
        .contains("ether saddr != 52:54:00:00:00:01 counter drop")
        .contains("ip saddr 10.77.0.2 accept")
        .contains("ip6 saddr fd00:77::/64 jump ipv6-tap1");
    assertThat(NftProgram.list(NAT))
        .contains("ip saddr 10.77.0.0/24 oifname != \"br0\" masquerade comment \"masquerade lan\"")
        .contains("ip daddr 192.0.2.1 tcp dport 80 dnat ip to 10.77.0.2:8080")
        .contains("ip daddr 10.77.0.2 tcp dport 8080 ct status dnat masquerade");
  }

  @Test
  void tablesGoWithTheLastThatIsInThem() {
    firewall.guard("tap1", STRICT);
    firewall.guard("tap2", OPEN);
    firewall.masquerade(LAN);
    firewall.forward(HTTP);

    assertThat(firewall.unguard("tap3")).isFalse();
    assertThat(firewall.unguard("tap1")).isTrue();
    assertThat(firewall.ports()).extracting(GuardedPort::tap).containsExactly("tap2");
    assertThat(firewall.isGuarded("tap2", OPEN)).isTrue();
    assertThat(firewall.unguard("tap2")).isTrue();
    assertThat(firewall.unmasquerade("lan")).isTrue();
    assertThat(firewall.unmasquerade("lan")).isFalse();
    assertThat(firewall.isForwarded(HTTP)).isTrue();
    assertThat(firewall.unforward("web1")).isTrue();

    assertThat(nft.tables()).isEmpty();
    assertThat(firewall.unguard("tap2")).isFalse();
    assertThat(firewall.unforward("web1")).isFalse();
    assertThat(firewall.clear()).isFalse();
    assertThat(firewall.ports()).isEmpty();
    assertThat(firewall.masquerades()).isEmpty();
  }

  @Test
  void changedGuardsAndTranslationsReplaceTheOldOnes() {
    firewall.guard("tap1", STRICT);
    firewall.masquerade(LAN);
    firewall.forward(HTTP);
    PortGuard guard = PortGuard.strict("n0core:port:other", MAC, List.of());
    SourceNat address = LAN.withAddress(CidrAddress.literal("192.0.2.1"));
    PortForward open = PortForward.of("web1", PortForward.Protocol.UDP, HTTP.host(), HTTP.guest());

    assertThat(firewall.guard("tap1", guard)).isTrue();
    assertThat(firewall.masquerade(address)).isTrue();
    assertThat(firewall.forward(open)).isTrue();

    assertThat(firewall.isGuarded("tap1", guard)).isTrue();
    assertThat(firewall.isGuarded("tap1", STRICT)).isFalse();
    assertThat(firewall.isMasqueraded(address)).isTrue();
    assertThat(firewall.isMasqueraded(LAN)).isFalse();
    assertThat(firewall.isForwarded(open)).isTrue();
    assertThat(firewall.ports())
        .containsExactly(new GuardedPort("tap1", "n0core:port:other", Isolation.SHARED, 0));
    assertThat(NftProgram.list(FILTER)).doesNotContain("ipv6-tap1");
    assertThat(NftProgram.list(NAT))
        .contains("snat ip to 192.0.2.1")
        .contains("udp dport 80 dnat ip to 10.77.0.2:8080")
        .doesNotContain("tcp")
        .doesNotContain("ct status");
  }

  static Stream<String> damages() {
    return Stream.of(
        "flush chain bridge n0core port-tap1",
        "add rule bridge n0core port-tap1 accept",
        "insert rule bridge n0core port-tap1 accept",
        "flush chain bridge n0core ipv6-tap1",
        "delete element bridge n0core guards { tap1 }",
        "delete element bridge n0core ports { tap1 }",
        "delete element bridge n0core isolated { tap1 }",
        "delete element bridge n0core guards { tap1 };"
            + "add element bridge n0core guards { tap1 : accept }",
        "flush chain bridge n0core prerouting",
        "flush chain bridge n0core forward;" + "delete chain bridge n0core forward",
        "add chain bridge n0core prerouting { policy drop; }",
        "delete table bridge n0core");
  }

  @ParameterizedTest
  @MethodSource("damages")
  void guardThatSomebodyDamagedIsSeenAndMended(String damage) {
    firewall.guard("tap1", STRICT);

    NftProgram.run(damage);

    assertThat(firewall.isGuarded("tap1", STRICT)).isFalse();
    assertThat(firewall.guard("tap1", STRICT)).isTrue();
    assertThat(firewall.isGuarded("tap1", STRICT)).isTrue();
    assertThat(firewall.guard("tap1", STRICT)).isFalse();
  }

  @Test
  void translationThatSomebodyDamagedIsSeenAndMended() {
    firewall.masquerade(LAN);
    firewall.forward(HTTP);

    NftProgram.run("flush chain inet n0core postrouting; flush chain inet n0core output");

    assertThat(firewall.isMasqueraded(LAN)).isFalse();
    assertThat(firewall.isForwarded(HTTP)).isFalse();
    assertThat(firewall.masquerade(LAN)).isTrue();
    assertThat(firewall.forward(HTTP)).isTrue();
    assertThat(firewall.isMasqueraded(LAN)).isTrue();
    assertThat(firewall.isForwarded(HTTP)).isTrue();
  }

  @Test
  void tableOfAnotherOwnerIsRefusedAndLeftAlone() {
    NftProgram.script("""
        table bridge n0core {
        }
        table inet n0core {
          comment "mine"
        }
        """);
    String before = NftProgram.run("list", "ruleset");

    for (Runnable change : List.<Runnable>of(
        () -> firewall.guard("tap1", OPEN),
        () -> firewall.unguard("tap1"),
        () -> firewall.masquerade(LAN),
        () -> firewall.unmasquerade("lan"),
        firewall::clear)) {
      assertThatThrownBy(change::run)
          .isInstanceOfSatisfying(
              N0Exception.class,
              e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS))
          .hasMessageContaining("not to \"n0core test\"");
    }

    assertThat(NftProgram.run("list", "ruleset")).isEqualTo(before);
    assertThat(firewall.ports()).isEmpty();
    assertThat(firewall.isGuarded("tap1", OPEN)).isFalse();
    assertThat(firewall.masquerades()).isEmpty();
  }

  @Test
  void othersTablesAndChainsSurviveEverything() {
    NftProgram.script("""
        table bridge other {
          chain c {
            ether saddr 52:54:00:00:00:09 drop
          }
        }
        table inet other {
          set s {
            type ipv4_addr
            flags interval
            elements = { 10.0.0.0/8 }
          }
          chain p {
            type nat hook postrouting priority 100; policy accept;
            oifname "x" masquerade
          }
        }
        """);
    String before = NftProgram.run("list", "ruleset");
    firewall.guard("tap1", STRICT);
    NftProgram.run("add chain bridge n0core mine; add rule bridge n0core mine drop");

    firewall.guard("tap2", OPEN);
    firewall.guard("tap1", OPEN);
    firewall.masquerade(LAN);
    firewall.unguard("tap2");
    assertThat(NftProgram.list(FILTER)).contains("chain mine {");
    firewall.unmasquerade("lan");
    firewall.unguard("tap1");
    firewall.clear();

    assertThat(NftProgram.run("list", "ruleset")).isEqualTo(before);
  }

  @Test
  void manyThreadsAndAgentsLoseNothing() throws InterruptedException {
    int threads = 8;
    int ports = 12;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try (NetNs here = NetNs.current()) {
      CompletableFuture.allOf(IntStream.range(0, threads)
              .mapToObj(thread -> CompletableFuture.runAsync(() -> busy(here, thread, ports), pool))
              .toArray(CompletableFuture[]::new))
          .join();
    } finally {
      pool.shutdown();
      assertThat(pool.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }

    for (int agent = 0; agent < 2; agent++) {
      Firewall each = Firewall.of(nft, "agent" + agent, OWNER);
      assertThat(each.ports()).hasSize(threads / 2 * ports / 2);
      assertThat(each.masquerades()).hasSize(threads / 2);
      for (GuardedPort port : each.ports()) {
        assertThat(each.isGuarded(port.tap(), STRICT)).as(port.tap()).isTrue();
      }
    }
  }

  /** Guards ports, and leaves each second one unguarded. */
  private static void busy(NetNs here, int thread, int ports) {
    try (Nft own = Nft.open(here)) {
      Firewall each = Firewall.of(own, "agent" + thread % 2, OWNER);
      for (int i = 0; i < ports; i++) {
        String tap = "t" + thread + "-" + i;
        assertThat(each.guard(tap, i % 2 == 0 ? STRICT : OPEN)).isTrue();
        assertThat(each.unguard(tap)).isTrue();
        assertThat(each.guard(tap, STRICT)).isTrue();
        if (i % 2 == 1) {
          assertThat(each.unguard(tap)).isTrue();
        }
      }
      each.masquerade(SourceNat.masquerade("net" + thread, LAN.sources(), "br0"));
    }
  }

  @Test
  void badValuesAreRefusedByNameBeforeAnythingHappens() {
    assertThatThrownBy(() -> firewall.guard("a/b", OPEN)).hasMessageContaining("tap");
    assertThatThrownBy(() -> PortGuard.strict("x", MAC, List.of(CidrAddress.parse("10.77.0.2/24"))))
        .hasMessageContaining("addresses")
        .hasMessageContaining("10.77.0.2/24");
    assertThatThrownBy(() -> new PortGuard("x", Optional.empty(), ADDRESSES, Isolation.SHARED))
        .hasMessageContaining("addresses");
    assertThatThrownBy(() -> PortGuard.open("x".repeat(128))).hasMessageContaining("stamp");
    assertThatThrownBy(() -> SourceNat.masquerade("lan", List.of(), "br0"))
        .hasMessageContaining("sources");
    assertThatThrownBy(() -> LAN.withAddress(CidrAddress.literal("fd00::1")))
        .hasMessageContaining("address");
    assertThatThrownBy(() -> PortForward.of(
            "web1", PortForward.Protocol.TCP, new InetSocketAddress(80), HTTP.guest()))
        .hasMessageContaining("host");
    assertThatThrownBy(() -> PortForward.of(
            "web1",
            PortForward.Protocol.TCP,
            HTTP.host(),
            new InetSocketAddress(CidrAddress.literal("fd00::1"), 80)))
        .hasMessageContaining("guest");
    assertThat(nft.tables()).isEmpty();
  }
}
