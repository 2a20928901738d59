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
import io.n0stack.n0core.net.nft.Firewall;
import io.n0stack.n0core.net.nft.Nft;
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

/** A guest behind a host that translates addresses, and an outside that knows no way to the guest. */
@Requires(Requirement.ROOT)
class NatNetworkIT {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Path IPV4 = Path.of("/proc/sys/net/ipv4/ip_forward");
  private static final Path IPV6 = Path.of("/proc/sys/net/ipv6/conf/all/forwarding");

  @TempDir
  private Path directory;

  private final ResourceId id = ResourceId.fresh("network", "lan");
  private Site outside;
  private Site host;
  private Site guest;
  private NetlinkNetworkDriver driver;

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() throws Exception {
    assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
  }

  @BeforeEach
  void open() {
    outside = new Site();
    host = new Site();
    guest = new Site();
    host.cable("uplink", outside, "eth0");
    host.address("uplink", "198.51.100.1/24").address("uplink", "2001:db8::1/64");
    outside.address("eth0", "198.51.100.2/24").address("eth0", "2001:db8::2/64");
    driver = host.namespace().call(() -> NetlinkNetworkDriver.open(NetConfig.of(directory)));
  }

  @AfterEach
  void close() {
    driver.close();
    guest.close();
    host.close();
    outside.close();
  }

  private static NetworkSpec network(NetworkSpec.Nat nat) {
    return NetworkSpec.Flat.isolated()
        .withGateway(NetworkSpec.Gateway.of(
                CidrAddress.parse("10.77.0.1/24"), CidrAddress.parse("fd00:77::1/64"))
            .withNat(nat));
  }

  private void apply(NetworkSpec.Nat nat) {
    driver.apply(new StandaloneContext(), id, network(nat));
  }

  private void plugGuest() {
    host.plug("lan", guest, MacAddress.parse("52:54:00:00:00:01"));
    guest.address("eth0", "10.77.0.2/24").address("eth0", "fd00:77::2/64");
    guest.defaultRoute("10.77.0.1");
    guest.defaultRoute("fd00:77::1");
  }

  @Test
  void hostAsksForAGuestThatItHasNeverHeardOf() {
    apply(NetworkSpec.Nat.MASQUERADE);
    plugGuest();
    await().atMost(LIMIT).until(() -> guest.reaches("2001:db8::2"));

    // Only what is forwarded makes the host ask then, and that has no address of the host's.
    await().atMost(LIMIT).until(() -> {
      host.run("ip", "-6", "neigh", "flush", "dev", "lan");
      return guest.reaches("2001:db8::2");
    });
  }

  private boolean complete() {
    return ((Observed.Present<?>) driver.observe(id)).complete();
  }

  @Test
  void guestReachesTheOutsideBehindTheHost() {
    apply(NetworkSpec.Nat.NONE);
    plugGuest();
    await().atMost(LIMIT).until(() -> guest.reaches("10.77.0.1"));
    assertThat(guest.reaches("198.51.100.2")).as("without translation").isFalse();

    apply(NetworkSpec.Nat.MASQUERADE);

    assertThat(complete()).isTrue();
    await().atMost(LIMIT).until(() -> guest.reaches("198.51.100.2"));
    await().atMost(LIMIT).until(() -> guest.reaches("2001:db8::2"));

    apply(NetworkSpec.Nat.NONE);
    assertThat(complete()).isTrue();
    assertThat(guest.reaches("198.51.100.2")).as("without translation again").isFalse();
  }

  @Test
  void rulesAndForwardingThatAreTakenAwayAreDriftThatApplyMends() {
    apply(NetworkSpec.Nat.MASQUERADE);
    Runnable[] damages = {
      () -> host.namespace().call(() -> Files.writeString(IPV4, "0")),
      () -> host.namespace().call(() -> Files.writeString(IPV6, "0")),
      () -> {
        try (Nft nft = Nft.open(host.namespace())) {
          assertThat(Firewall.of(nft, "n0core", "n0core").clear()).isTrue();
        }
      },
    };
    for (Runnable damage : damages) {
      damage.run();
      assertThat(complete()).isFalse();
      apply(NetworkSpec.Nat.MASQUERADE);
      assertThat(complete()).isTrue();
    }
  }

  @Test
  void tableOfAnotherIsLeftAlone() {
    Site.Said made = host.run("nft", "add table inet n0core { comment \"somebody's\"; }");
    assertThat(made.status()).as(made.text()).isZero();

    assertThatThrownBy(() -> apply(NetworkSpec.Nat.MASQUERADE))
        .isInstanceOfSatisfying(
            N0Exception.class,
            e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS));

    driver.delete(new StandaloneContext(), id);
    assertThat(host.run("nft", "list", "tables").text()).isEqualTo("table inet n0core\n");
  }

  @Test
  void bridgeThatIsGoneLeavesRulesThatAreListedAndDeleted() {
    apply(NetworkSpec.Nat.MASQUERADE);
    host.netlink().links().delete(host.link("lan").index());

    assertThat(driver.list()).containsExactly(id);
    assertThat(complete()).isFalse();

    driver.delete(new StandaloneContext(), id);
    assertThat(driver.list()).isEmpty();
    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    assertThat(host.run("nft", "list", "tables").text()).isEmpty();
  }
}
