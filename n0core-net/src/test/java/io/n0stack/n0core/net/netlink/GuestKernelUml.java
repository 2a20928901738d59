package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.net.uml.InUserModeLinux;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

@InUserModeLinux
class GuestKernelUml {
  @Test
  void createsADummyWhichTheHostMayNotKnow() {
    try (Netlink netlink = Netlink.open()) {
      Link made = netlink.create(LinkSpec.of("dummy", "dummy0").up());

      assertThat(netlink.find("dummy0")).contains(made);
      assertThat(made.up()).isTrue();
    }
  }

  @Test
  void theKernelIsTheGuests() throws IOException {
    String release = Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();

    assertThat(Path.of("/usr/lib/uml/modules", release)).isDirectory();
  }
}
