package io.n0stack.n0core.api.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.network.PortSpec.AntiSpoof;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.api.network.PortSpec.RateLimit;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PortSpecTest {
  @ParameterizedTest
  @ValueSource(strings = {"", "../x", "a/b", "a,b", "A", "a\n"})
  void networkIsALabel(String name) {
    Refusal.invalid("network", name, "1 to 63 characters", () -> PortSpec.on(name));
  }

  @Test
  void numbersAreChecked() {
    Refusal.invalid(
        "mtu", 67, "68 to 65535", () -> PortSpec.builder("lan").mtu(67).build());
    Refusal.invalid(
        "ownerUid",
        -1,
        "0 to 4294967294",
        () -> PortSpec.builder("lan").ownerUid(-1).build());
    Refusal.invalid(
        "ownerUid",
        4294967295L,
        "0 to 4294967294",
        () -> PortSpec.builder("lan").ownerUid(4294967295L).build());
    Refusal.invalid("bitsPerSecond", 7999, "8000 to", () -> new RateLimit(7999, 1600));
    Refusal.invalid("burstBytes", 1599, "1600 to", () -> new RateLimit(8000, 1599));
  }

  @ParameterizedTest
  @ValueSource(strings = {"224.0.0.1", "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "ff02::1"})
  void addressesAreOnesThatAGuestCanHave(String text) {
    InetAddress bad = CidrAddress.literal(text);
    Refusal.invalid(
        "addresses",
        List.of(bad),
        "unicast",
        () -> PortSpec.builder("lan").addresses(bad).build());
  }

  @Test
  void addressesAreFewAndEachOnce() {
    InetAddress one = CidrAddress.literal("10.77.0.2");
    InetAddress[] many = IntStream.range(0, 65)
        .mapToObj(i -> CidrAddress.literal("10.77.0." + i))
        .toArray(InetAddress[]::new);

    Refusal.invalid(
        "addresses",
        List.of(one, one),
        "each once",
        () -> PortSpec.builder("lan").addresses(one, one).build());
    Refusal.invalid(
        "addresses",
        List.of(many),
        "at most 64",
        () -> PortSpec.builder("lan").addresses(many).build());
  }

  @Test
  void dependsOnItsNetwork() {
    assertThat(PortSpec.on("lan").dependencies()).containsExactly(new Reference("network", "lan"));
  }

  @Test
  void builderSetsEveryPart() {
    RateLimit slow = new RateLimit(8000, 1600);
    RateLimit fast = new RateLimit(1_000_000_000, 100_000);
    MacAddress mac = MacAddress.parse("52:54:00:12:34:56");

    PortSpec port = PortSpec.builder("lan")
        .mac(mac)
        .mtu(1400)
        .ownerUid(64055)
        .transmitLimit(slow)
        .receiveLimit(fast)
        .antiSpoof(AntiSpoof.STRICT)
        .isolation(Isolation.ISOLATED)
        .addresses(CidrAddress.literal("10.77.0.2"), CidrAddress.literal("fd00::2"))
        .build();

    assertThat(port.mac()).contains(mac);
    assertThat(port.mtu()).contains(1400);
    assertThat(port.ownerUid()).isEqualTo(64055);
    assertThat(port.transmitLimit()).contains(slow);
    assertThat(port.receiveLimit()).contains(fast);
    assertThat(port.antiSpoof()).isEqualTo(AntiSpoof.STRICT);
    assertThat(port.isolation()).isEqualTo(Isolation.ISOLATED);
    assertThat(port.addresses())
        .containsExactly(CidrAddress.literal("10.77.0.2"), CidrAddress.literal("fd00::2"));
  }
}
