package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.child.ChildJvm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class RightsIT {
  /** Looks and tries to make something. */
  static final class Powerless {
    private Powerless() {}

    public static void main(String[] args) {
      try (Netlink netlink = Netlink.open()) {
        System.out.println(netlink.links().find("lo").orElseThrow().name());
        netlink.links().create(LinkSpec.bridge("br0"));
      } catch (NetlinkException e) {
        System.out.println(e.code() + " " + e.errnoName());
      }
    }
  }

  @Test
  void processWithoutCapabilitiesReadsLinksAndMakesNone() throws IOException, InterruptedException {
    Process child = new ProcessBuilder(
            "setpriv",
            "--bounding-set=-all",
            "--inh-caps=-all",
            ChildJvm.java().toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            ChildJvm.classPath(),
            Powerless.class.getName())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();

    String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(child.waitFor()).isZero();
    assertThat(said.lines()).contains("lo", "PERMISSION EPERM");
    try (Netlink netlink = Netlink.open()) {
      assertThat(netlink.links().find("br0")).isEmpty();
    }
  }
}
