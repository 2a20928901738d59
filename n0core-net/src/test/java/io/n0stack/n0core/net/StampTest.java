package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StampTest {
  private static final UUID UID = UUID.fromString("0f0e0d0c-0b0a-4908-8706-050403020100");

  @Test
  void aliasSaysKindNameAndUid() {
    Stamp stamp = Stamp.halfMade(new ResourceId("network", "web", UID), "eth1");

    assertThat(stamp.alias())
        .isEqualTo("n0core:network:web:0f0e0d0c-0b0a-4908-8706-050403020100:eth1:");
    assertThat(stamp.sealedOver("1500").alias())
        .isEqualTo("n0core:network:web:0f0e0d0c-0b0a-4908-8706-050403020100:eth1:b2ec61fc");
  }

  @Test
  void parseReadsWhatAliasWrites() {
    Stamp stamp = Stamp.halfMade(new ResourceId("port", "x".repeat(63), UID), "525400123456");

    assertThat(Stamp.parse(stamp.alias())).contains(stamp);
    assertThat(Stamp.parse(stamp.sealedOver("a").alias())).contains(stamp.sealedOver("a"));
    assertThat(stamp.sealedOver("a")).isNotEqualTo(stamp.sealedOver("b"));
    assertThat(stamp.sealedOver("a").alias().getBytes(StandardCharsets.UTF_8)).hasSizeLessThan(256);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "uplink to rack 7",
        "n0core:network:web",
        "n0core:network:web:no-uid::",
        "n0core:network:web:1-1-1-1-1::",
        "n0core:network:WEB:0f0e0d0c-0b0a-4908-8706-050403020100::",
        "n0core:network:web:0f0e0d0c-0b0a-4908-8706-050403020100:::",
        "N0core:network:web:0f0e0d0c-0b0a-4908-8706-050403020100::"
      })
  void whatOthersWroteIsNoStamp(String alias) {
    assertThat(Stamp.parse(alias)).isEmpty();
  }

  @Test
  void linkNameIsTheResourceNameOrDerivedFromTheUid() {
    assertThat(StampedLinks.names(new ResourceId("port", "fifteen-letters", UID)))
        .startsWith("fifteen-letters");
    assertThat(StampedLinks.names(new ResourceId("port", "sixteen-letters1", UID)))
        .hasSize(8)
        .doesNotHaveDuplicates()
        .allMatch(name -> name.matches("sixtee-[0-9a-f]{8}"));
  }
}
