package io.n0stack.n0core.api.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Refusal;
import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CidrAddressTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"10.77.0.1/24", "0.0.0.0/0", "255.255.255.255/32", "fd00:0:0:0:0:0:0:1/64"})
  void whatIsReadIsWrittenAgain(String text) {
    assertThat(CidrAddress.parse(text)).hasToString(text);
  }

  @Test
  void shortFormsOfIpv6AreTheSameAddress() {
    assertThat(CidrAddress.parse("FD00::1/64"))
        .isEqualTo(CidrAddress.parse("fd00:0:0:0:0:0:0:1/64"));
    assertThat(CidrAddress.parse("::/0").prefixLength()).isZero();
  }

  /** A name server would need longer than this to say no. */
  @ParameterizedTest
  @Timeout(4)
  @ValueSource(
      strings = {
        "localhost", "999.1.1.1", "example.invalid", "10.1", "10", "0x0a000001", "010.0.0.1",
        "10.0.0.1.", "1.2.3.4.5", "10.0.0.256", "\u0661\u0660.0.0.1", "", " 10.0.0.1", "10.0.0.1\n"
      })
  void namesAreRefusedWithoutAskingANameServer(String text) {
    Refusal.invalid("address", text, "not a name", () -> CidrAddress.literal(text));
  }

  @ParameterizedTest
  @Timeout(4)
  @ValueSource(strings = {".:1", "..:", ".a:b", "face.example:1", ":", "a:", "[::1]", "fe80::1%lo"})
  void whatOnlyLooksLikeIpv6IsRefusedWithoutAskingANameServer(String text) {
    N0Exception refusal = Refusal.of(N0Exception.Code.INVALID, () -> CidrAddress.literal(text));

    assertThat(refusal).hasMessageContaining("must be an IPv4 or IPv6 address");
    assertThat(refusal.getMessage()).doesNotContain("Name or service not known");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {":::1", "1:2:3", "1:2:3:4:5:6:7:8:9", "12345::1", "::1::1", "::999.1.1.1"})
  void malformedIpv6IsRefused(String text) {
    Refusal.of(N0Exception.Code.INVALID, () -> CidrAddress.literal(text));
  }

  @ParameterizedTest
  @Timeout(4)
  @ValueSource(strings = {"999.1.1.1/24", "localhost/8"})
  void parseRefusesNamesAtOnce(String text) {
    Refusal.invalid(
        "address",
        text.substring(0, text.indexOf('/')),
        "not a name",
        () -> CidrAddress.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "10.0.0.1/",
        "10.0.0.1/x",
        "10.0.0.1/+8",
        "10.0.0.1/-0",
        "10.0.0.1/8 ",
        "10.0.0.1/8/8",
        "10.0.0.1/\u0668",
        "10.0.0.1/99999999999"
      })
  void parseRefusesOddPrefixLengths(String text) {
    Refusal.invalid("address", text, "prefix length", () -> CidrAddress.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10.0.0.1", "/24", "/"})
  void parseRefusesWhatHasNoTwoParts(String text) {
    Refusal.invalid("address", text, "ADDRESS/PREFIX-LENGTH", () -> CidrAddress.parse(text));
  }

  @Test
  void prefixLengthEndsWithTheAddress() {
    InetAddress four = CidrAddress.literal("10.0.0.1");
    InetAddress six = CidrAddress.literal("fd00::1");

    Refusal.invalid("prefixLength", 33, "0 to 32", () -> new CidrAddress(four, 33));
    Refusal.invalid("prefixLength", 129, "0 to 128", () -> new CidrAddress(six, 129));
    Refusal.invalid("prefixLength", -1, "0 to 32", () -> new CidrAddress(four, -1));
  }
}
