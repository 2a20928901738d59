package io.n0stack.n0core.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RulesTest {
  @ParameterizedTest
  @ValueSource(strings = {"a", "0", "web1", "a-b", "a--b", "1-1"})
  void labelAcceptsRfc1123Labels(String name) {
    assertThat(Rules.label("name", name)).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "../x",
        "a/b",
        "a,b",
        "a.b",
        ".",
        "..",
        "-a",
        "a-",
        "A",
        "a b",
        "a\n",
        "\na",
        "a\0",
        "a_b",
        "a=b",
        "a%b",
        "\u2024\u2024",
        "\uff0e\uff0e",
        "a\u2215b",
        "\u0661",
        "\u00fc",
        "\u212a"
      })
  void labelRefusesAllElse(String name) {
    Refusal.invalid("name", name, "1 to 63 characters", () -> Rules.label("name", name));
  }

  @Test
  void labelEndsAtSixtyThreeCharacters() {
    assertThat(Rules.label("name", "a".repeat(63))).hasSize(63);
    Refusal.invalid("name", "a".repeat(64), "1 to 63", () -> Rules.label("name", "a".repeat(64)));
    Refusal.invalid("name", "a".repeat(300), "1 to 63", () -> Rules.label("name", "a".repeat(300)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"br0", "eth0.100", "a", "0123456789abcde", "en_p3,s0", "\u00fcber0"})
  void linkNameAcceptsWhatTheKernelDoes(String name) {
    assertThat(Rules.linkName("uplink", name)).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "..",
        "0123456789abcdef",
        "a/b",
        "../x",
        "a:1",
        "tap%d",
        "a b",
        "a\n",
        "a\t",
        "a\0",
        "a\u007f",
        "a\u0085",
        "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc",
        "\u00e0"
      })
  void linkNameRefusesWhatTheKernelDoes(String name) {
    Refusal.invalid("uplink", name, "1 to 15 bytes", () -> Rules.linkName("uplink", name));
  }

  @Test
  void rangeIsClosed() {
    assertThat(Rules.range("mtu", 68, 68, 1500)).isEqualTo(68);
    assertThat(Rules.range("mtu", 1500, 68, 1500)).isEqualTo(1500);
    Refusal.invalid("mtu", 67, "must be 68 to 1500", () -> Rules.range("mtu", 67, 68, 1500));
    Refusal.invalid("mtu", 1501, "must be 68 to 1500", () -> Rules.range("mtu", 1501, 68, 1500));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "a\nb", "a\0b", "a\u001b[1m", "a\u0085", "a\u009b", "a\u2028b", "12345"})
  void textRefusesBlankLongAndControl(String text) {
    Refusal.invalid("serial", text, "1 to 4 characters", () -> Rules.text("serial", text, 4));
  }

  @Test
  void textKeepsWhatItAccepts() {
    assertThat(Rules.text("serial", "a,/%", 4)).isEqualTo("a,/%");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "./a", "/a/../b", "/a/.", "/a\nb", "/a\u009bb"})
  void absolutePathRefusesRelativeAndWindingPaths(String path) {
    Refusal.invalid(
        "image", path, "must be absolute", () -> Rules.absolutePath("image", Path.of(path)));
  }

  @Test
  void absolutePathKeepsCommasAndSpaces() {
    Path odd = Path.of("/srv/a, b=c.qcow2");

    assertThat(Rules.absolutePath("image", odd)).isEqualTo(odd);
  }

  @Test
  void quoteShowsNoControlCharacterAndAtMostEightyCharacters() {
    assertThat(Rules.quote("a\n\u001b\u0085\u2028")).isEqualTo("\"a\\u000a\\u001b\\u0085\\u2028\"");
    assertThat(Rules.quote("x".repeat(80))).isEqualTo("\"" + "x".repeat(80) + "\"");
    assertThat(Rules.quote("x".repeat(300))).isEqualTo("\"" + "x".repeat(80) + "…\"");
  }
}
