package io.n0stack.n0core.storage.seed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import java.nio.file.Path;
import java.time.Instant;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Seeds and keys that tests have in common. */
final class Seeds {
  static final String KEY = "ssh-ed25519"
      + " AAAAC3NzaC1lZDI1NTE5AAAAIEuoC6tGLYkvXQVLMpQZCMBc9HMYmYSTFTUkdbbqnVRl alice@desk";
  static final String HASH = "$6$rounds=5000$saltsalt$" + "x".repeat(86);
  static final MacAddress FIRST = MacAddress.parse("52:54:00:12:34:56");
  static final MacAddress SECOND = MacAddress.parse("52:54:00:12:34:57");

  private Seeds() {}

  static CloudInitSeed.Builder minimal() {
    return CloudInitSeed.builder("i-1", "web1");
  }

  static CloudInitSeed complete() {
    return minimal()
        .fqdn("web1.example.org")
        .authorizedKey(KEY)
        .timezone("Europe/Berlin")
        .user(SeedUser.named("alice")
            .withAuthorizedKey(KEY)
            .withSudo()
            .withGroup("adm")
            .withGroup("www-data")
            .withShell(Path.of("/bin/sh"))
            .withPasswordHash(HASH))
        .file(SeedFile.of(Path.of("/etc/motd"), "hällo\n")
            .withPermissions("0600")
            .withOwner("alice:adm"))
        .command("touch", "/a b")
        .script("echo \"a\nb\" > '/x'\t# yes: no")
        .vendorData("#cloud-config\n{}\n")
        .nic(SeedNic.builder(FIRST).name("eth0").dhcp(SeedNic.Dhcp.V4).mtu(1400).build())
        .nic(SeedNic.builder(SECOND)
            .address(CidrAddress.parse("10.77.0.2/24"))
            .gateway(CidrAddress.literal("10.77.0.1"))
            .route(SeedRoute.of(CidrAddress.parse("10.0.0.0/8"), CidrAddress.literal("10.77.0.9"))
                .withMetric(5))
            .nameserver(CidrAddress.literal("10.77.0.53"))
            .searchDomain("example.org")
            .build())
        .time(Instant.parse("2026-01-02T03:04:05Z"))
        .build();
  }

  /** Asserts that a value is refused, by the name of its field and by the rule. */
  static void assertRefused(ThrowingCallable call, String field, String rule) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .hasMessageStartingWith("invalid " + field + " ")
        .hasMessageContaining(rule);
  }
}
