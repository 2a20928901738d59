package io.n0stack.n0core.storage.seed;

import static io.n0stack.n0core.api.network.CidrAddress.literal;
import static io.n0stack.n0core.storage.seed.Seeds.HASH;
import static io.n0stack.n0core.storage.seed.Seeds.KEY;
import static io.n0stack.n0core.storage.seed.Seeds.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.network.CidrAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SeedPartsTest {
  private static final SeedUser ALICE = SeedUser.named("alice");
  private static final SeedFile MOTD = SeedFile.of(Path.of("/etc/motd"), "");

  @ParameterizedTest
  @ValueSource(strings = {"", "Alice", "1a", "a b", "a:b", "-a", "default", "a\n", "ä"})
  void namesThatUsersCannotHaveAreRefused(String name) {
    assertRefused(() -> SeedUser.named(name), "user.name", "must be 1 to 32");
    assertRefused(() -> ALICE.withGroup(name), "user.groups", "must be 1 to 32");
    assertRefused(() -> MOTD.withOwner(name.replace(':', ';')), "file.owner", "must be 1 to 32");
  }

  @Test
  void keysThatAreCutOrNotPublicOrNotOneLineAreRefused() {
    for (String key : new String[] {
      "",
      "ssh-ed25519",
      KEY.replace("ssh-ed25519 ", "ssh-rsa "),
      KEY.replace("nVRl", ""),
      KEY.substring(0, 60),
      "ssh-ed25519 !!!! x",
      "ssh-ed25519 AAAA",
      "command=\"x\" " + KEY,
      "ssh-dss AAAAB3NzaC1kc3M=",
      "-----BEGIN OPENSSH PRIVATE KEY-----"
    }) {
      assertRefused(() -> ALICE.withAuthorizedKey(key), "user.authorizedKeys", "must be");
    }
    assertRefused(
        () -> ALICE.withAuthorizedKey(KEY + "\n" + KEY), "user.authorizedKeys", "control");
    assertThat(ALICE.withAuthorizedKey(KEY).authorizedKeys()).containsExactly(KEY);
    assertThat(ALICE.withAuthorizedKey(KEY.replace(" alice@desk", "")).authorizedKeys())
        .hasSize(1);
  }

  @Test
  void aPasswordThatIsNotHashedIsRefusedAndNotShown() {
    for (String hash :
        new String[] {"secret", "", "$1$salt$" + "x".repeat(22), HASH + ":0", "$6$"}) {
      assertRefused(() -> ALICE.withPasswordHash(hash), "user.passwordHash", "crypt(3)");
    }
    assertThatThrownBy(() -> ALICE.withPasswordHash("secret"))
        .message()
        .doesNotContain("\"secret\"");
    for (String kind : new String[] {"5", "6", "y", "gy", "7", "2b"}) {
      String hash = "$" + kind + "$" + "x".repeat(50);
      assertThat(ALICE.withPasswordHash(hash).passwordHash()).contains(hash);
    }
  }

  @Test
  void sudoAndShellAreOneLine() {
    assertRefused(() -> ALICE.withSudo("ALL\nbob ALL=(ALL) ALL"), "user.sudo", "control");
    assertRefused(() -> ALICE.withSudo(""), "user.sudo", "blank");
    assertRefused(() -> ALICE.withShell(Path.of("sh")), "user.shell", "absolute");
    assertRefused(() -> ALICE.withShell(Path.of("/bin/a:b")), "user.shell", "':'");
    assertThat(ALICE.withSudo("ALL=(root) /bin/ls").sudo()).contains("ALL=(root) /bin/ls");
  }

  @Test
  void filesHaveAbsolutePathsOctalPermissionsAndLimits() {
    assertRefused(() -> SeedFile.of(Path.of("etc"), ""), "file.path", "absolute");
    assertRefused(() -> SeedFile.of(Path.of("/etc/../x"), ""), "file.path", "absolute");
    for (String permissions : new String[] {"644", "0o644", "0888", "06444", "u=rw", "4755"}) {
      assertRefused(() -> MOTD.withPermissions(permissions), "file.permissions", "octal");
    }
    assertRefused(() -> MOTD.withOwner("a:b:c"), "file.owner", "must be 1 to 32");
    assertRefused(
        () -> SeedFile.of(Path.of("/x"), new byte[(1 << 20) + 1]), "file, bytes", "0 to 1048576");
    assertRefused(
        () -> new SeedFile(Path.of("/x"), "?", "0644", Optional.empty()), "file.base64", "base64");
    assertThat(SeedFile.of(Path.of("/x"), "ü").base64())
        .isEqualTo(Base64.getEncoder().encodeToString(new byte[] {(byte) 0xc3, (byte) 0xbc}));
  }

  @Test
  void routesLeadToNetworksOfTheirFamily() throws UnknownHostException {
    InetAddress router = literal("10.77.0.1");
    assertRefused(
        () -> SeedRoute.of(CidrAddress.parse("fd00::/64"), router), "route.via", "family");
    assertRefused(
        () -> SeedRoute.of(CidrAddress.parse("10.77.0.1/24"), router), "route.to", "no bits");
    assertRefused(() -> SeedRoute.byDefault(router).withMetric(-1), "route.metric", "0 to");
    assertRefused(() -> SeedRoute.byDefault(literal("0.0.0.0")), "route.via", "unicast");
    InetAddress scoped = Inet6Address.getByAddress(null, literal("fe80::1").getAddress(), 1);
    assertRefused(() -> SeedRoute.byDefault(scoped), "route.via", "zone");
    assertThat(SeedRoute.byDefault(literal("fd00::1")).to().prefixLength()).isZero();
    assertThat(SeedRoute.of(CidrAddress.parse("10.77.0.128/25"), router).metric())
        .isEmpty();
  }

  @Test
  void nicsHaveUsableAddressesNamesAndSizes() {
    SeedNic.Builder nic = SeedNic.builder(Seeds.FIRST);
    assertRefused(() -> nic.name("a b").build(), "nic.name", "space");
    assertRefused(() -> nic.name("größe").build(), "nic.name", "A-Z");
    nic.name("eth0").mtu(67);
    assertRefused(nic::build, "nic.mtu", "68");
    nic.mtu(576);
    assertThat(nic.build().mtu()).contains(576);
    nic.dhcp(SeedNic.Dhcp.V6);
    assertRefused(nic::build, "nic.mtu", "1280");
    assertRefused(
        () -> SeedNic.builder(Seeds.FIRST)
            .address(CidrAddress.parse("224.0.0.1/4"))
            .build(),
        "nic.addresses",
        "unicast");
    assertRefused(
        () -> SeedNic.builder(Seeds.FIRST).searchDomain("a..b").build(),
        "nic.searchDomains",
        "labels");
    CidrAddress address = CidrAddress.parse("10.77.0.2/24");
    assertRefused(
        () -> SeedNic.builder(Seeds.FIRST).address(address).address(address).build(),
        "nic.addresses",
        "each once");
  }

  @Test
  void defaultRoutesAreGatewaysWhereTheirFamilyHasAddresses() {
    String config = Seeds.minimal()
        .nic(SeedNic.builder(Seeds.FIRST)
            .address(CidrAddress.parse("fd00::2/64"))
            .gateway(literal("fd00::1"))
            .gateway(literal("fd00::9"))
            .gateway(literal("10.77.0.1"))
            .build())
        .build()
        .networkConfig()
        .orElseThrow();

    assertThat(config.replaceAll("\\s", ""))
        .contains("\"gateway6\":\"fd00:0:0:0:0:0:0:1\"")
        .contains("\"routes\":[{\"to\":\"0:0:0:0:0:0:0:0/0\",\"via\":\"fd00:0:0:0:0:0:0:9\"},"
            + "{\"to\":\"0.0.0.0/0\",\"via\":\"10.77.0.1\"}]")
        .doesNotContain("gateway4");
  }
}
