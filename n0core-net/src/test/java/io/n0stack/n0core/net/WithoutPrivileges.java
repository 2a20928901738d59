package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
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

  @Test
  void networkNamespaceCanHaveAName() {
    try (NetNs made = NetNs.create("blue")) {
      assertThat(NetNs.names()).containsExactly("blue");
      try (Netlink netlink = Netlink.open(made)) {
        assertThat(netlink.links().list()).extracting(Link::name).containsExactly("lo");
      }
    } finally {
      NetNs.delete("blue");
    }
    assertThat(NetNs.names()).isEmpty();
  }
}
