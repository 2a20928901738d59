package io.n0stack.n0core.api.driver;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.PowerPolicy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PluginConfigTest {
  @Test
  void whatIsNotSetHasItsDefault() {
    PluginConfig none = PluginConfig.of("kvm", Map.of());

    assertThat(none.text("binary")).isEmpty();
    assertThat(none.path("directory", Path.of("/run/n0core"))).isEqualTo(Path.of("/run/n0core"));
    assertThat(none.number("limit", 7, 1, 9)).isEqualTo(7);
    assertThat(none.seconds("timeout", Duration.ofSeconds(3))).isEqualTo(Duration.ofSeconds(3));
    assertThat(none.choice("chipset", Chipset.class, Chipset.PC)).isEqualTo(Chipset.PC);
  }

  @Test
  void whatIsSetIsRead() {
    PluginConfig some = PluginConfig.of(
        "kvm",
        Map.of(
            "binary", "qemu",
            "directory", "/srv/n0core",
            "limit", "9",
            "timeout", "60",
            "policy", "restart-on-failure"));

    assertThat(some.text("binary")).contains("qemu");
    assertThat(some.path("directory", Path.of("/run/n0core"))).isEqualTo(Path.of("/srv/n0core"));
    assertThat(some.number("limit", 7, 1, 9)).isEqualTo(9);
    assertThat(some.seconds("timeout", Duration.ofSeconds(3))).isEqualTo(Duration.ofMinutes(1));
    assertThat(some.choice("policy", PowerPolicy.class, PowerPolicy.MANUAL))
        .isEqualTo(PowerPolicy.RESTART_ON_FAILURE);
    some.requireAllRead();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "run", "../run", "/a/../b", "/a\nb"})
  void pathsAreAbsolute(String path) {
    PluginConfig config = PluginConfig.of("kvm", Map.of("directory", path));

    Refusal.invalid(
        "kvm.directory", path, "must be absolute", () -> config.path("directory", Path.of("/run")));
  }

  @Test
  void aPathThatTheFileSystemRefusesIsInvalid() {
    PluginConfig config = PluginConfig.of("kvm", Map.of("directory", "/a\0b"));

    Refusal.invalid(
        "kvm.directory",
        "/a\0b",
        "must be a path",
        () -> config.path("directory", Path.of("/run")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "1.5", " 1", "1s", "99999999999999999999"})
  void numbersAreWhole(String text) {
    PluginConfig config = PluginConfig.of("kvm", Map.of("limit", text));

    Refusal.invalid(
        "kvm.limit", text, "must be a whole number", () -> config.number("limit", 7, 1, 9));
  }

  @Test
  void numbersAreInRange() {
    PluginConfig config = PluginConfig.of("kvm", Map.of("limit", "10", "timeout", "0"));

    Refusal.invalid("kvm.limit", 10, "1 to 9", () -> config.number("limit", 7, 1, 9));
    Refusal.invalid(
        "kvm.timeout", 0, "1 to 86400", () -> config.seconds("timeout", Duration.ofSeconds(1)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "Q35", "q-35", "pc "})
  void choicesAreWrittenInLowerCase(String text) {
    PluginConfig config = PluginConfig.of("kvm", Map.of("chipset", text));

    Refusal.invalid(
        "kvm.chipset", text, "microvm", () -> config.choice("chipset", Chipset.class, Chipset.PC));
  }

  @Test
  void aKeyThatWasNeverReadIsReported() {
    PluginConfig config = PluginConfig.of("kvm", Map.of("direktory", "/run", "binary", "qemu"));
    config.text("binary");

    Refusal.invalid(
        "configuration key", "kvm.direktory", "must be one of [binary]", config::requireAllRead);
  }

  @Test
  void aSectionHasOnlyItsOwnKeys() {
    PluginConfig section =
        PluginConfig.section("kvm", Map.of("kvm.binary", "qemu", "kvmx.a", "b", "net.kvm.c", "d"));

    assertThat(section.text("binary")).contains("qemu");
    section.requireAllRead();
  }

  @ParameterizedTest
  @ValueSource(strings = {"binary", ".binary", "", "nett.prefix"})
  void keysOfNoPluginAreRefused(String key) {
    Refusal.of(
        N0Exception.Code.INVALID,
        () -> PluginConfig.requirePlugins(Map.of(key, "x"), java.util.List.of("net", "kvm")));
  }
}
