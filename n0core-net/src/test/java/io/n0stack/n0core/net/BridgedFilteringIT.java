package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two guests of one network on a host whose rules drop what it forwards. */
@Requires(Requirement.ROOT)
class BridgedFilteringIT {
  private static final Path CALLS = Path.of("/proc/sys/net/bridge/bridge-nf-call-iptables");
  private static final Path CALLS6 = Path.of("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  private Path directory;

  private final ResourceId id = ResourceId.fresh("network", "lan");
  private Site host;
  private PacketFilter filter;
  private BridgedFiltering bridged;

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() throws Exception {
    assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
    assumeThat(CALLS).as("br_netfilter").exists();
  }

  @BeforeEach
  void open() {
    host = new Site();
    filter = new PacketFilter(NetConfig.of(directory), host.namespace());
    bridged = new BridgedFiltering(host.namespace(), filter);
    show("1");
  }

  @AfterEach
  void close() {
    filter.close();
    host.close();
  }

  private void show(String value) {
    host.namespace().call(() -> Files.writeString(CALLS, value));
    host.namespace().call(() -> Files.writeString(CALLS6, value));
  }

  private void nft(String command) {
    Site.Said said = host.run("nft", command);
    assertThat(said.status()).as(said.text()).isZero();
  }

  @Test
  void chainThatDropsIsNamedWhileItIsShownWhatABridgeForwards() {
    assertThat(bridged.dropped()).isEmpty();
    nft("add table ip filter");
    nft("add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }");
    nft("add chain ip filter INPUT { type filter hook input priority 0; policy drop; }");
    assertThat(bridged.dropped()).as("nothing is dropped").isEmpty();

    nft("chain ip filter FORWARD { policy drop; }");

    assertThat(bridged.dropped())
        .hasValueSatisfying(by -> assertThat(by).contains("chain FORWARD").contains("filter"));
    show("0");
    assertThat(bridged.dropped()).as("not shown").isEmpty();
  }

  @Test
  void ruleThatIsAdvisedLetsGuestsReachEachOther() {
    nft("add table ip filter");
    nft("add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }");
    try (Site web1 = new Site();
        Site web2 = new Site();
        NetlinkNetworkDriver driver =
            host.namespace().call(() -> NetlinkNetworkDriver.open(NetConfig.of(directory)))) {
      driver.apply(new StandaloneContext(), id, NetworkSpec.Flat.isolated());
      host.plug("lan", web1, MacAddress.parse("52:54:00:00:00:01"));
      host.plug("lan", web2, MacAddress.parse("52:54:00:00:00:02"));
      web1.address("eth0", "10.77.0.2/24");
      web2.address("eth0", "10.77.0.3/24");

      assertThat(((Observed.Present<?>) driver.observe(id)).complete()).isTrue();
      assertThat(web1.reaches("10.77.0.3")).as("without the rule").isFalse();

      nft("add rule ip filter FORWARD iifname lan oifname lan accept");

      await().atMost(LIMIT).until(() -> web1.reaches("10.77.0.3"));
    }
  }
}
