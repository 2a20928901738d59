package io.n0stack.n0core.membership.internal.member;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class PreconditionsTest {
  @Test
  void aNamespaceThatCannotBeReadIsNotIsolated() {
    Path own = Path.of("/proc/self/ns/net");

    assertThat(Preconditions.notIsolated(own, own)).isPresent();
    assertThat(Preconditions.notIsolated(own, Path.of("/proc/self/ns/none"))).isPresent();
    assertThat(Preconditions.notIsolated(own, Path.of("/proc/self/ns/ipc"))).isEmpty();
  }
}
