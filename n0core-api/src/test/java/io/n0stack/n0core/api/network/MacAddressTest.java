package io.n0stack.n0core.api.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MacAddressTest {
  @Test
  void upperCaseIsLowered() {
    assertThat(MacAddress.parse("52:54:00:AB:cd:EF"))
        .hasToString("52:54:00:ab:cd:ef")
        .isEqualTo(MacAddress.parse("52:54:00:ab:cd:ef"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "52:54:00:12:34",
        "52:54:00:12:34:56:78",
        "52-54-00-12-34-56",
        "525400123456",
        "52:54:00:12:34:5g",
        "52:54:00:12:34:56\n",
        " 52:54:00:12:34:56",
        "5:54:00:12:34:56",
        "52:54:00:12:34:\u0665\u0666"
      })
  void otherFormsAreRefused(String text) {
    Refusal.invalid("mac", text, "six pairs", () -> MacAddress.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01"
      })
  void onlyUnicastIsAccepted(String text) {
    Refusal.invalid("mac", text, "unicast", () -> MacAddress.parse(text));
  }

  @Test
  void octetsAreTheValueAndACopy() {
    MacAddress mac = MacAddress.parse("52:54:00:12:34:fe");

    mac.octets()[0] = 1;

    assertThat(mac.octets()).containsExactly(0x52, 0x54, 0, 0x12, 0x34, 0xfe);
  }

  @Test
  void derivedAddressesDependOnTheUidAlone() {
    Random random = new Random(7);
    for (int i = 0; i < 1000; i++) {
      UUID uid = new UUID(random.nextLong(), random.nextLong());
      MacAddress mac = MacAddress.derivedFrom(uid);

      assertThat(mac).isEqualTo(MacAddress.derivedFrom(UUID.fromString(uid.toString())));
      assertThat(mac.octets()[0] & 3).as("locally administered, unicast").isEqualTo(2);
    }
  }

  @Test
  void derivedAddressesOfTwoHundredThousandUidsHardlyCollide() {
    Random random = new Random(7);

    long distinct = random
        .longs(200_000)
        .mapToObj(bits -> MacAddress.derivedFrom(new UUID(bits, random.nextLong())))
        .distinct()
        .count();

    assertThat(distinct).isGreaterThan(199_990);
  }
}
