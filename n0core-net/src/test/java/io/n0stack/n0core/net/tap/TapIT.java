package io.n0stack.n0core.net.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class TapIT {
  private Netlink netlink;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static void assertCode(Runnable call, N0Exception.Code code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining("tap0");
  }

  @Test
  void tapGoesWithItsDescriptorUnlessItIsPersistent() {
    try (Tap tap = Tap.create("tap0")) {
      assertThat(netlink.links().find(tap.name())).map(Link::tap).contains(true);
    }
    assertThat(netlink.links().find("tap0")).isEmpty();

    try (Tap tap = Tap.create("tap0")) {
      tap.persist();
    }
    assertThat(netlink.links().find("tap0")).isPresent();
    Tap.delete("tap0");
    assertThat(netlink.links().find("tap0")).isEmpty();
  }

  @Test
  void nameThatIsTakenIsRefused() {
    netlink.links().create(LinkSpec.bridge("tap0"));
    assertCode(() -> Tap.create("tap0"), N0Exception.Code.ALREADY_EXISTS);
    netlink.links().delete(netlink.links().find("tap0").orElseThrow().index());
    try (Tap held = Tap.create("tap0")) {
      held.persist();
      assertCode(() -> Tap.create("tap0"), N0Exception.Code.ALREADY_EXISTS);
      assertCode(() -> Tap.open("tap0"), N0Exception.Code.BUSY);
      assertCode(() -> Tap.delete("tap0"), N0Exception.Code.BUSY);
    }
    assertCode(() -> Tap.create("tap0"), N0Exception.Code.ALREADY_EXISTS);
  }

  @Test
  void frameGoesFromTapThroughBridgeToTap() {
    int bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    try (Tap one = Tap.create("tap0");
        Tap two = Tap.create("tap1")) {
      for (Tap tap : new Tap[] {one, two}) {
        int index = netlink.links().find(tap.name()).orElseThrow().index();
        netlink.links().change(index, LinkChange.none().withMaster(bridge).up());
      }
      byte[] frame = new byte[100];
      Arrays.fill(frame, 0, 6, (byte) 0xff);
      frame[6] = 0x52;
      frame[12] = (byte) 0x88;
      frame[13] = (byte) 0xb5; // the EtherType for local experiments

      await().until(() -> {
        one.write(ByteBuffer.wrap(frame));
        return arrived(two, frame);
      });
    }
  }

  private static boolean arrived(Tap tap, byte[] frame) {
    ByteBuffer into = ByteBuffer.allocate(2000);
    for (int got = tap.read(into); got > 0; got = tap.read(into.clear())) {
      if (Arrays.equals(Arrays.copyOf(into.array(), got), frame)) {
        return true;
      }
    }
    return false;
  }

  @Test
  void closedTapSaysSo() {
    Tap tap = Tap.create("tap0");
    tap.close();
    tap.close();

    assertThatThrownBy(tap::persist).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void openingWhatIsNotThereMakesNothing() {
    assertCode(() -> Tap.open("tap0"), N0Exception.Code.NOT_FOUND);
    assertCode(() -> Tap.delete("tap0"), N0Exception.Code.NOT_FOUND);

    assertThat(netlink.links().find("tap0")).isEmpty();
  }
}
