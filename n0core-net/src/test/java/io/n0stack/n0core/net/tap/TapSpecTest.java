package io.n0stack.n0core.net.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TapSpecTest {
  private static final TapSpec TAP0 = TapSpec.named("tap0");

  private static void assertInvalid(Supplier<?> call, String field, String value) {
    assertThatThrownBy(call::get)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .hasMessageStartingWith("invalid " + field + " \"" + value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "..",
        "a b",
        "a/b",
        "a:b",
        "tap%d",
        "%d%d",
        "sixteen-bytes-16",
        "ééééééééé"
      })
  void nameThatTheKernelWouldRefuseOrTakeForATemplateIsRefused(String name) {
    assertInvalid(() -> TapSpec.named(name), "name", name);
    assertInvalid(() -> Tap.create(name), "name", name);
    assertInvalid(() -> Tap.open(name), "name", name);
  }

  @Test
  void nameOfFifteenBytesIsAccepted() {
    assertThat(TapSpec.named("fifteen-bytes-1").name()).hasSize(15);
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    assertInvalid(() -> TAP0.withQueues(0), "queues", "0");
    assertInvalid(() -> TAP0.withQueues(257), "queues", "257");
    assertInvalid(() -> TAP0.withVnetHeader(9), "vnetHeaderBytes", "9");
    assertInvalid(() -> TAP0.withVnetHeader(65), "vnetHeaderBytes", "65");
    assertInvalid(() -> TAP0.withOwner(-1), "ownerUid", "-1");
    assertInvalid(() -> TAP0.withOwner(0xffffffffL), "ownerUid", "4294967295");
    assertInvalid(() -> TAP0.withGroup(-1), "groupGid", "-1");
    assertInvalid(() -> TAP0.withGroup(0xffffffffL), "groupGid", "4294967295");
    assertInvalid(() -> TAP0.withMtu(67), "mtu", "67");
    assertInvalid(() -> TAP0.withMtu(65522), "mtu", "65522");
  }

  @Test
  void eachChangeKeepsTheOthers() {
    TapSpec spec = TAP0.withQueues(4)
        .withVnetHeader()
        .withOwner(1)
        .withGroup(2)
        .withMtu(9000)
        .withPersistence();

    assertThat(spec.queues()).hasValue(4);
    assertThat(spec.vnetHeaderBytes()).hasValue(10);
    assertThat(spec.ownerUid()).hasValue(1);
    assertThat(spec.groupGid()).hasValue(2);
    assertThat(spec.mtu()).hasValue(9000);
    assertThat(spec.persistent()).isTrue();
    assertThat(spec.withVnetHeader(12).withQueues(4).withMtu(9000).withGroup(2).withOwner(1))
        .isEqualTo(TAP0.withPersistence()
            .withMtu(9000)
            .withGroup(2)
            .withOwner(1)
            .withVnetHeader(12)
            .withQueues(4));
  }

  private static Set<Offload> set(Offload... offloads) {
    Set<Offload> set = EnumSet.noneOf(Offload.class);
    set.addAll(Arrays.asList(offloads));
    return set;
  }

  @Test
  void offloadsAreTheFlagsOfTheKernelHeader() {
    assertThat(Offload.flags(set())).isZero();
    assertThat(Offload.flags(EnumSet.allOf(Offload.class))).isEqualTo(0x7f);
    assertThat(Offload.flags(set(Offload.CSUM, Offload.TSO4, Offload.TSO_ECN))).isEqualTo(0x0b);
    assertThat(Offload.flags(set(Offload.CSUM, Offload.USO4, Offload.USO6))).isEqualTo(0x61);
  }

  @Test
  void offloadWithoutWhatItNeedsIsRefused() {
    assertInvalid(() -> Offload.flags(set(Offload.TSO4)), "offloads", "[TSO4]");
    assertInvalid(
        () -> Offload.flags(set(Offload.CSUM, Offload.TSO_ECN)), "offloads", "[CSUM, TSO_ECN]");
    assertInvalid(() -> Offload.flags(set(Offload.CSUM, Offload.USO6)), "offloads", "[CSUM, USO6]");
  }
}
