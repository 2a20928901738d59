package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Makes sure that {@link UnprivilegedIT} proves what it says. */
class WithoutPrivileges {
  @Test
  void rootOfTheNamespaceIsNobodyOutside() throws IOException {
    assertThat(Files.readString(Path.of("/proc/self/uid_map")).strip().split(" +"))
        .containsExactly("0", "65534", "1");
    assertThatThrownBy(() -> Files.readString(Path.of("/etc/shadow")))
        .isInstanceOf(AccessDeniedException.class);
  }
}
