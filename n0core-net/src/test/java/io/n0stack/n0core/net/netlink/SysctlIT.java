package io.n0stack.n0core.net.netlink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.Sysctl.Setting;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class SysctlIT {
  private static String file(String path) throws IOException {
    return Files.readString(Path.of("/proc/sys/net/" + path), UTF_8).trim();
  }

  @Test
  void switchIsThatOfTheNamespaceAndTellsWhatItWas() throws IOException {
    try (NetNs other = NetNs.create()) {
      Sysctl there = Sysctl.in(other);
      Sysctl here = Sysctl.current();
      for (Setting setting : new Setting[] {Setting.IPV4_FORWARDING, Setting.IPV6_FORWARDING}) {
        assertThat(here.read(setting)).isEqualTo(Switch.OFF);

        assertThat(there.set(setting, Switch.ON)).isEqualTo(Switch.OFF);
        assertThat(there.set(setting, Switch.ON)).isEqualTo(Switch.ON);

        assertThat(there.read(setting)).isEqualTo(Switch.ON);
        assertThat(here.read(setting)).isEqualTo(Switch.OFF);
      }
      assertThat(file("ipv4/ip_forward")).isEqualTo("0");
      assertThat(other.call(() -> file("ipv4/ip_forward"))).isEqualTo("1");
    }
  }

  @Test
  void switchesOfALinkAreItsOwn() throws IOException {
    try (Netlink netlink = Netlink.open()) {
      netlink.links().create(LinkSpec.bridge("br0.7"));
    }
    Sysctl sysctl = Sysctl.current();

    sysctl.set(Setting.ipv6Disabled("br0.7"), Switch.ON);
    sysctl.set(Setting.proxyArp("br0.7"), Switch.ON);
    sysctl.set(Setting.ipv4Forwarding("br0.7"), Switch.ON);

    assertThat(file("ipv6/conf/br0.7/disable_ipv6")).isEqualTo("1");
    assertThat(file("ipv4/conf/br0.7/proxy_arp")).isEqualTo("1");
    assertThat(file("ipv4/conf/br0.7/forwarding")).isEqualTo("1");
    assertThat(sysctl.read(Setting.ipv6Disabled("lo"))).isEqualTo(Switch.OFF);
    assertThatThrownBy(() -> sysctl.set(Setting.proxyArp("br1"), Switch.ON))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND))
        .hasMessageContaining("br1");
  }

  @Test
  void bridgeSwitchIsThereOrUnsupported() throws IOException {
    boolean there = Files.exists(Path.of("/proc/sys/net/bridge/bridge-nf-call-iptables"));
    Sysctl sysctl = Sysctl.current();

    if (there) {
      sysctl.set(Setting.BRIDGE_CALLS_IPV4_RULES, Switch.OFF);
      assertThat(file("bridge/bridge-nf-call-iptables")).isEqualTo("0");
      assertThat(sysctl.set(Setting.BRIDGE_CALLS_IPV4_RULES, Switch.ON)).isEqualTo(Switch.OFF);
      assertThat(file("bridge/bridge-nf-call-iptables")).isEqualTo("1");
    } else {
      assertThatThrownBy(() -> sysctl.read(Setting.BRIDGE_CALLS_IPV4_RULES))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED))
          .hasMessageContaining("bridge-nf-call-iptables");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"..", "all", "default", "a/b", "", "../../kernel"})
  void nothingButALinkIsALink(String name) {
    assertThatThrownBy(() -> Setting.ipv6Disabled(name))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .hasMessageContaining("link");
  }
}
