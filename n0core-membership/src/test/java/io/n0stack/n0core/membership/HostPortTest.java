package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.internal.Ipv4;
import java.util.Random;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostPortTest {
  private static final String OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final Pattern ADDRESS = Pattern.compile("(" + OCTET + "\\.){3}" + OCTET);
  private static final Pattern DIGITS = Pattern.compile("[0-9.]+");
  private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";
  private static final Pattern NAME = Pattern.compile(LABEL + "(\\." + LABEL + ")*");

  /** Calls with every text of up to so many of these characters. */
  private static void each(String characters, int most, String text, Consumer<String> check) {
    check.accept(text);
    if (text.length() < most) {
      for (int i = 0; i < characters.length(); i++) {
        each(characters, most, text + characters.charAt(i), check);
      }
    }
  }

  private static boolean accepted(String host) {
    try {
      return new HostPort(host, 1).host().equals(host);
    } catch (N0Exception e) {
      assertThat(e.getMessage()).contains("host");
      return false;
    }
  }

  @Test
  void hostsAreThoseOfThePatterns() {
    each("a0.-", 7, "", host -> {
      boolean good = NAME.matcher(host).matches() && !DIGITS.matcher(host).matches();
      assertThat(accepted(host))
          .as(host)
          .isEqualTo(good || ADDRESS.matcher(host).matches());
    });
  }

  @Test
  void addressesAreThoseOfThePattern() {
    each(
        "0125.",
        7,
        "",
        text -> assertThat(Ipv4.literal(text))
            .as(text)
            .isEqualTo(ADDRESS.matcher(text).matches()));
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      String text = random.nextInt(300) + "." + random.nextInt(300) + "." + random.nextInt(300)
          + (random.nextInt(9) == 0 ? ".0" : ".") + random.nextInt(300)
          + (random.nextInt(9) == 0 ? "." : "");
      assertThat(Ipv4.literal(text)).as(text).isEqualTo(ADDRESS.matcher(text).matches());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ":", "a:", ":5", "a:0", "a:65536", "a:-1", "a: 1", "a:٣", "ä:1", "a_b:1", "::1"
      })
  void othersAreRefused(String text) {
    assertThatThrownBy(() -> HostPort.parse(text))
        .isInstanceOf(N0Exception.class)
        .hasFieldOrPropertyWithValue("code", N0Exception.Code.INVALID);
  }
}
