package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RequestsTest {
  @Test
  void aRequestIsAsShortAsItCanBe() {
    assertThat(line("query-status", Map.of()))
        .isEqualTo("{\"execute\":\"query-status\",\"id\":\"abc12\"}\n");
    assertThat(line("cont", Map.of("a", List.of(1, true, "x"))))
        .isEqualTo("{\"execute\":\"cont\",\"arguments\":{\"a\":[1,true,\"x\"]},\"id\":\"abc12\"}\n");
  }

  @Test
  void numbersOfSixtyFourBitsAreExact() {
    BigInteger most = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
    assertThat(line("x", Map.of("n", most))).contains("{\"n\":18446744073709551615}");
    assertThat(line("x", Map.of("n", Long.MIN_VALUE))).contains("{\"n\":-9223372036854775808}");
  }

  @Test
  void textsKeepOnOneLine() {
    assertThat(line("x", Map.of("a\n", "b\r\n\"\u0000\u00e4,,")))
        .isEqualTo("{\"execute\":\"x\",\"arguments\":{\"a\\n\":\"b\\r\\n\\\"\\u0000\u00e4,,\"},"
            + "\"id\":\"abc12\"}\n");
  }

  @Test
  void whatIsNotJsonIsRefusedByName() {
    refused(Map.of("file", Map.of("path", Path.of("/x"))), "file.path");
    refused(Map.of("a", List.of(Duration.ZERO)), "a");
    refused(Map.of("a", Double.NaN), "a");
    refused(Map.of("name", "\ud800"), "name");
  }

  @Test
  void whatContainsItselfIsRefused() {
    Map<String, Object> map = new HashMap<>();
    map.put("a", map);
    refused(map, "nested");
  }

  @Test
  void aNameThatIsNoneIsRefused() {
    for (String name : List.of("", "a\"b", "a b", "a\n")) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> Requests.command(name))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
    assertThat(Requests.command("__com.redhat_x-y")).isEqualTo("__com.redhat_x-y");
  }

  @Test
  void deadlinesAreThoseOfTheCommandsClass() {
    Deadlines deadlines = new Deadlines(
        Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(3), Duration.ofSeconds(4));
    assertThat(deadlines.of("query-status")).hasSeconds(1);
    assertThat(deadlines.of("qom-list")).hasSeconds(1);
    assertThat(deadlines.of("device_add")).hasSeconds(2);
    assertThat(deadlines.of("blockdev-add")).hasSeconds(3);
    assertThat(deadlines.of("stop")).hasSeconds(3);
    assertThat(deadlines.of("dump-guest-memory")).hasSeconds(4);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> new Deadlines(
            Duration.ZERO, Duration.ofSeconds(2), Duration.ofSeconds(3), Duration.ofSeconds(4)))
        .withMessageContaining("query");
  }

  private static void refused(Map<String, ?> arguments, String name) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> Requests.arguments(arguments))
        .withMessageContaining(name)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }

  private static String line(String command, Map<String, ?> arguments) {
    return new String(
        Requests.line("execute", command, Requests.arguments(arguments), "abc12"),
        StandardCharsets.UTF_8);
  }
}
