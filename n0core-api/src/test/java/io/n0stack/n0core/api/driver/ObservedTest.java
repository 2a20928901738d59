package io.n0stack.n0core.api.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.n0stack.n0core.api.Refusal;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ObservedTest {
  @Test
  void thereAreThreeAnswersAndOnlyThree() {
    assertThat(Observed.class.getPermittedSubclasses())
        .containsExactlyInAnyOrder(
            Observed.Present.class, Observed.Absent.class, Observed.Unknown.class);
  }

  @Test
  void factoriesMakeWhatTheySay() {
    assertThat(Observed.complete("up")).isEqualTo(new Observed.Present<>("up", true));
    assertThat(Observed.incomplete("up")).isEqualTo(new Observed.Present<>("up", false));
    assertThat(Observed.<String>absent()).isEqualTo(new Observed.Absent<String>());
    assertThat(Observed.<String>unknown("QMP is mute"))
        .isEqualTo(new Observed.Unknown<String>("QMP is mute"));
  }

  @Test
  void unknownNeedsAReason() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Observed.unknown(" "))
        .withMessageContaining("must not be blank");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../x", "a/b", "a,b", "a\n", "\u2024\u2024"})
  void identitiesAreLabels(String name) {
    UUID uid = UUID.randomUUID();
    String rule = "1 to 63 characters";
    Refusal.invalid("name", name, rule, () -> new ResourceId("machine", name, uid));
    Refusal.invalid("kind", name, rule, () -> new ResourceId(name, "web1", uid));
    Refusal.invalid("name", name, rule, () -> new Reference("machine", name));
    Refusal.invalid("kind", name, rule, () -> new Reference(name, "web1"));
    Refusal.invalid(
        "driver", name, rule, () -> new Descriptor<>("port", name, Spec.class, String.class));
    Refusal.invalid(
        "kind", name, rule, () -> new Descriptor<>(name, "tap", Spec.class, String.class));
  }

  @Test
  void identitiesShowKindAndName() {
    ResourceId id = ResourceId.fresh("machine", "web1");

    assertThat(id).hasToString("machine \"web1\"");
    assertThat(id.reference()).isEqualTo(new Reference("machine", "web1"));
    assertThat(id).isNotEqualTo(ResourceId.fresh("machine", "web1"));
  }

  @Test
  void capacityIsNeverNegative() {
    Refusal.invalid(
        "capacity.memory.bytes",
        -1,
        "0 to",
        () -> Fingerprint.healthy(Map.of(), Map.of("memory.bytes", -1L)));
  }

  @Test
  void unhealthyOffersNothing() {
    assertThat(Fingerprint.unhealthy("install qemu-utils"))
        .isEqualTo(new Fingerprint(
            Fingerprint.Health.UNHEALTHY, "install qemu-utils", Map.of(), Map.of()));
  }
}
