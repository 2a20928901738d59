package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.Neighbour.State;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NeighboursIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");
  private static final MacAddress OTHER = MacAddress.parse("52:54:00:65:43:21");

  private Netlink netlink;
  private Neighbours neighbours;
  private int link;
  private int other;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    neighbours = netlink.neighbours();
    link = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    other = netlink.links().create(LinkSpec.bridge("br1").up()).index();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.1", "2001:db8::1"})
  void neighbourIsAddedFoundReplacedAndRemoved(String text) {
    InetAddress address = CidrAddress.literal(text);
    Neighbour first = Neighbour.permanent(link, address, MAC);

    neighbours.add(first);

    assertThat(neighbours.find(link, address)).contains(first);
    assertThat(neighbours.of(link)).contains(first);
    assertThat(neighbours.list()).contains(first);
    assertThat(neighbours.of(other)).doesNotContain(first);
    Refused.byKernel(() -> neighbours.add(first), Code.ALREADY_EXISTS, "EEXIST");
    Neighbour second = Neighbour.permanent(link, address, OTHER).withState(State.NOARP);
    neighbours.replace(second);
    assertThat(neighbours.find(link, address)).contains(second);
    neighbours.remove(second);
    assertThat(neighbours.find(link, address).filter(n -> n.state() != State.FAILED))
        .isEmpty();
  }

  @Test
  void routerAndControlPlaneAreSaid() {
    InetAddress address = CidrAddress.literal("2001:db8::1");
    Neighbour router = Neighbour.permanent(link, address, MAC)
        .withState(State.REACHABLE)
        .with(Neighbour.Flag.ROUTER)
        .with(Neighbour.Flag.EXTERN_LEARN);

    neighbours.add(router);

    assertThat(neighbours.find(link, address)).contains(router);
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.1", "2001:db8::1"})
  void proxyEntriesAreListedApart(String text) {
    Neighbour proxy = Neighbour.proxy(link, CidrAddress.literal(text));

    neighbours.add(proxy);

    assertThat(neighbours.proxies()).containsExactly(proxy);
    assertThat(neighbours.list()).doesNotContain(proxy);
    neighbours.remove(proxy);
    assertThat(neighbours.proxies()).isEmpty();
    Refused.byKernel(() -> neighbours.remove(proxy), Code.NOT_FOUND, "ENOENT");
  }

  @Test
  void missingNeighbourIsEmptyAndMissingLinkAnError() {
    InetAddress address = CidrAddress.literal("192.0.2.1");
    Neighbour absent = Neighbour.permanent(link, address, MAC);
    Neighbour nowhere = Neighbour.permanent(4711, address, MAC);

    assertThat(neighbours.find(link, address)).isEmpty();
    Refused.byKernel(() -> neighbours.remove(absent), Code.NOT_FOUND, "ENOENT");
    Refused.byKernel(() -> neighbours.find(4711, address), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> neighbours.add(nowhere), Code.NOT_FOUND, "ENODEV");
    Refused.byUs(() -> neighbours.of(0), "index");
    Refused.byUs(() -> Neighbour.permanent(0, address, MAC), "index");
    assertThat(Neighbour.proxy(0, address).index()).isZero();
  }

  @Test
  void severalAreOneBatch() {
    Neighbour first = Neighbour.permanent(link, CidrAddress.literal("192.0.2.1"), MAC);
    Neighbour second = Neighbour.permanent(link, CidrAddress.literal("192.0.2.2"), OTHER);

    List<BatchResult> results = netlink.batch(List.of(
        Neighbours.adding(first),
        Neighbours.adding(first),
        Neighbours.replacing(second),
        Neighbours.removing(first)));

    assertThat(results)
        .extracting(result -> result.failure().isPresent())
        .containsExactly(false, true, false, false);
    assertThat(neighbours.of(link)).contains(second).doesNotContain(first);
  }
}
