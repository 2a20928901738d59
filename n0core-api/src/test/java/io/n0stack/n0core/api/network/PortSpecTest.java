package io.n0stack.n0core.api.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.network.PortSpec.AntiSpoof;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.api.network.PortSpec.RateLimit;
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
        .build();

    assertThat(port.mac()).contains(mac);
    assertThat(port.mtu()).contains(1400);
    assertThat(port.ownerUid()).isEqualTo(64055);
    assertThat(port.transmitLimit()).contains(slow);
    assertThat(port.receiveLimit()).contains(fast);
    assertThat(port.antiSpoof()).isEqualTo(AntiSpoof.STRICT);
    assertThat(port.isolation()).isEqualTo(Isolation.ISOLATED);
  }
}
