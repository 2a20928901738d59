package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class RoutesIT {
  private static final CidrAddress NET4 = CidrAddress.parse("10.1.0.0/16");
  private static final CidrAddress NET6 = CidrAddress.parse("2001:db8:1::/48");
  private static final InetAddress GATEWAY4 = CidrAddress.literal("192.0.2.254");
  private static final InetAddress GATEWAY6 = CidrAddress.literal("fd00::fe");
  private static final InetAddress IN4 = CidrAddress.literal("10.1.2.3");
  private static final InetAddress IN6 = CidrAddress.literal("2001:db8:1::3");

  private Netlink netlink;
  private Routes routes;
  private int link;
  private int down;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    routes = netlink.routes();
    netlink.links().change(1, LinkChange.none().up());
    // A veth has carrier, without which some routes are said to be dead.
    link = netlink.links().create(LinkSpec.veth("eth1", "peer1").up()).index();
    netlink
        .links()
        .change(
            netlink.links().find("peer1").orElseThrow().index(),
            LinkChange.none().up());
    down = netlink.links().create(LinkSpec.ifb("down0")).index();
    netlink.addresses().add(link, CidrAddress.parse("192.0.2.1/24"));
    netlink
        .addresses()
        .add(link, LinkAddressSpec.of(CidrAddress.parse("fd00::1/64")).withoutDuplicateDetection());
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static Route.Builder usual4() {
    return Route.to(NET4);
  }

  private Route via(AddressFamily family, long table) {
    return family == AddressFamily.IPV4
        ? usual4().by(NextHop.via(GATEWAY4).through(link)).table(table).build()
        : Route.to(NET6)
            .by(NextHop.via(GATEWAY6).through(link))
            .metric(7)
            .table(table)
            .build();
  }

  @ParameterizedTest
  @EnumSource(AddressFamily.class)
  void routeIsAddedListedFoundAndRemoved(AddressFamily family) {
    Route route = via(family, Route.MAIN);
    RouteQuery query = RouteQuery.to(family == AddressFamily.IPV4 ? IN4 : IN6);

    routes.add(route);

    assertThat(routes.list()).contains(route);
    assertThat(routes.list(RouteFilter.all().of(family).inTable(Route.MAIN).through(link)))
        .contains(route);
    assertThat(routes.match(query)).contains(route);
    assertThat(routes.find(query)).hasValueSatisfying(found -> {
      assertThat(found.destination())
          .isEqualTo(new CidrAddress(query.destination(), family.bits()));
      assertThat(found.nextHops()).isEqualTo(route.nextHops());
      assertThat(found.source()).isPresent();
    });
    Refused.byKernel(() -> routes.add(route), Code.ALREADY_EXISTS, "EEXIST");
    routes.remove(route);
    assertThat(routes.list()).doesNotContain(route);
    Refused.byKernel(() -> routes.remove(route), Code.NOT_FOUND, "ESRCH");
    assertThat(routes.find(query)).isEmpty();
    assertThat(routes.match(query)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(AddressFamily.class)
  void tableBeyondEightBitsIsATable(AddressFamily family) {
    Route far = via(family, 4_000_000_000L);

    routes.add(far);

    assertThat(routes.list(RouteFilter.all().inTable(4_000_000_000L))).containsExactly(far);
    assertThat(routes.list(RouteFilter.all().of(family).inTable(1000))).isEmpty();
    assertThat(routes.list(RouteFilter.all().inTable(Route.MAIN))).doesNotContain(far);
    routes.remove(far);
    assertThat(routes.list(RouteFilter.all().inTable(4_000_000_000L))).isEmpty();
  }

  @Test
  void routeWithEverythingIsReadAsItWasWritten() {
    Route route = usual4()
        .by(NextHop.via(GATEWAY4).through(link))
        .table(100)
        .protocol(186)
        .metric(4_294_967_295L)
        .source(CidrAddress.literal("192.0.2.1"))
        .mtu(1280)
        .build();

    routes.add(route);

    assertThat(routes.list(RouteFilter.all().inTable(100))).containsExactly(route);
  }

  @ParameterizedTest
  @EnumSource(AddressFamily.class)
  void severalWaysHaveTheirWeights(AddressFamily family) {
    boolean four = family == AddressFamily.IPV4;
    Route route = Route.to(four ? NET4 : NET6)
        .by(NextHop.via(four ? GATEWAY4 : GATEWAY6).through(link).withWeight(256))
        .by(NextHop.via(CidrAddress.literal(four ? "192.0.2.253" : "fd00::fd"))
            .through(link)
            .withWeight(3))
        .metric(9)
        .build();

    routes.add(route);

    assertThat(routes.list(RouteFilter.all().of(family).inTable(Route.MAIN))).contains(route);
    assertThat(routes.list(RouteFilter.all().through(link))).contains(route);
    routes.remove(route);
    assertThat(routes.list()).doesNotContain(route);
  }

  @ParameterizedTest
  @EnumSource(
      value = Route.Type.class,
      names = {"BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW"})
  void routesThatLeadNowhereNeedNoLink(Route.Type type) {
    Route four = usual4().type(type).table(100).build();
    Route six = Route.to(NET6).type(type).table(100).metric(5).build();

    routes.add(four);
    routes.add(six);

    assertThat(routes.list(RouteFilter.all().inTable(100).of(AddressFamily.IPV4)))
        .containsExactly(four);
    assertThat(routes.list(RouteFilter.all().inTable(100).of(AddressFamily.IPV6)))
        .extracting(Route::type)
        .containsExactly(type);
    routes.remove(four);
    routes.remove(six);
    assertThat(routes.list(RouteFilter.all().inTable(100))).isEmpty();
  }

  @Test
  void forbiddenDestinationsAreErrorsOfTheirOwn() {
    routes.add(usual4().type(Route.Type.PROHIBIT).build());
    RouteQuery query = RouteQuery.to(IN4);

    Refused.byKernel(() -> routes.find(query), Code.PERMISSION, "EACCES");
    routes.replace(usual4().type(Route.Type.UNREACHABLE).build());
    Refused.byKernel(() -> routes.find(query), Code.UNAVAILABLE, "EHOSTUNREACH");
    routes.replace(usual4().type(Route.Type.BLACKHOLE).build());
    Refused.byKernel(() -> routes.find(query), Code.INVALID, "EINVAL");
    Refused.byKernel(() -> routes.match(query), Code.INVALID, "EINVAL");
  }

  @Test
  void forbiddenDestinationsOfIpv6AreTheSameErrors() {
    Route route = Route.to(NET6).type(Route.Type.PROHIBIT).metric(5).build();
    routes.add(route);

    Refused.byKernel(() -> routes.find(RouteQuery.to(IN6)), Code.PERMISSION, "EACCES");
    Refused.byKernel(() -> routes.match(RouteQuery.to(IN6)), Code.PERMISSION, "EACCES");
  }

  @Test
  void localRouteMakesANetworkOurOwn() {
    Route route = usual4().type(Route.Type.LOCAL).table(Route.LOCAL).on(1).build();

    routes.add(route);

    assertThat(routes.list(RouteFilter.all().inTable(Route.LOCAL))).contains(route);
    assertThat(routes.find(RouteQuery.to(IN4))).map(Route::type).contains(Route.Type.LOCAL);
  }

  @Test
  void onlinkGatewayNeedsNoNetwork() {
    InetAddress elsewhere = CidrAddress.literal("198.51.100.1");
    Route refused = usual4().by(NextHop.via(elsewhere).through(link)).build();
    Route route = usual4().by(NextHop.via(elsewhere).through(link).onlink()).build();

    Refused.byKernel(() -> routes.add(refused), Code.UNAVAILABLE, "ENETUNREACH");
    routes.add(route);

    assertThat(routes.match(RouteQuery.to(IN4))).contains(route);
  }

  @Test
  void gatewayOfIpv6LeadsToIpv4() {
    Route route = usual4().by(NextHop.via(GATEWAY6).through(link)).build();

    routes.add(route);

    assertThat(routes.list()).contains(route);
    routes.remove(route);
    assertThat(routes.list()).doesNotContain(route);
  }

  @Test
  void replacePutsOneRouteInThePlaceOfAnotherAndAppendBehindIt() {
    Route first = usual4().via(GATEWAY4).build();
    routes.add(first);
    Route second = usual4()
        .by(NextHop.via(CidrAddress.literal("192.0.2.253")).through(link))
        .build();
    Route third = usual4()
        .by(NextHop.via(CidrAddress.literal("192.0.2.252")).through(link))
        .build();

    routes.replace(second);
    routes.append(third);

    assertThat(routes.list(RouteFilter.all().through(link)).stream()
            .filter(route -> route.destination().equals(NET4)))
        .containsExactly(second, third);
  }

  @Test
  void whatIsAppendedInIpv6IsAnotherWayOfTheSameRoute() {
    Route first = via(AddressFamily.IPV6, Route.MAIN);
    NextHop other = NextHop.via(CidrAddress.literal("fd00::fd")).through(link);
    routes.add(first);

    routes.append(Route.to(NET6).by(other).metric(7).build());

    assertThat(routes.list())
        .filteredOn(route -> route.destination().equals(NET6))
        .singleElement()
        .satisfies(route -> assertThat(route.nextHops())
            .containsExactlyInAnyOrder(first.nextHops().get(0), other));
  }

  @Test
  void routesThatTheKernelMadeAreRemovedAsListed() {
    RouteFilter ours = RouteFilter.all().inTable(Route.MAIN).through(link);
    List<Route> made = routes.list(ours);
    assertThat(made)
        .extracting(Route::destination)
        .contains(CidrAddress.parse("192.0.2.0/24"), CidrAddress.parse("fd00::/64"));
    assertThat(made).allMatch(route -> route.protocol() == Route.KERNEL);

    made.forEach(routes::remove);

    assertThat(routes.list(ours)).doesNotContainAnyElementsOf(made);
  }

  @Test
  void defaultRouteIsTheOneOfNoBits() {
    Route four = Route.to(CidrAddress.parse("0.0.0.0/0"))
        .by(NextHop.via(GATEWAY4).through(link))
        .build();
    Route six = Route.to(CidrAddress.parse("::/0"))
        .by(NextHop.via(GATEWAY6).through(link))
        .metric(1024)
        .build();

    routes.add(four);
    routes.add(six);

    assertThat(routes.list()).contains(four, six);
    assertThat(routes.match(RouteQuery.to(IN4))).contains(four);
    assertThat(routes.match(RouteQuery.to(IN6))).contains(six);
  }

  @Test
  void downLinkAndMissingLinkAreRefused() {
    Refused.byKernel(() -> routes.add(usual4().on(down).build()), Code.INTERNAL, "ENETDOWN");
    Refused.byKernel(() -> routes.add(usual4().on(4711).build()), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> routes.list(RouteFilter.all().through(4711)), Code.NOT_FOUND, "ENODEV");
  }

  @Test
  void packetThatComesInAskedForIsForwarded() {
    routes.add(via(AddressFamily.IPV4, Route.MAIN));
    RouteQuery coming =
        RouteQuery.to(CidrAddress.literal("192.0.2.1")).from(GATEWAY4).cameInBy(link);

    Optional<Route> found = routes.find(coming);

    assertThat(found).map(Route::type).contains(Route.Type.LOCAL);
    assertThat(routes.find(RouteQuery.to(IN4).through(link).withMark(0xffffffffL)))
        .isPresent();
    Refused.byKernel(() -> routes.find(RouteQuery.to(IN4).through(4711)), Code.NOT_FOUND, "ENODEV");
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.1.0.1/16", "2001:db8::1/64", "0.0.0.1/0"})
  void bitsBehindThePrefixAreRefusedWithoutAskingTheKernel(String destination) {
    Route.Builder builder = Route.to(CidrAddress.parse(destination));

    Refused.byUs(builder::build, "destination");
  }

  @Test
  void impossibleNumbersAreRefusedWithoutAskingTheKernel() {
    Refused.byUs(() -> usual4().table(0).build(), "table");
    Refused.byUs(() -> usual4().metric(-1).build(), "metric");
    Refused.byUs(() -> usual4().protocol(256).build(), "protocol");
    Refused.byUs(() -> usual4().mtu(0).build(), "mtu");
    Refused.byUs(() -> usual4().source(GATEWAY6).build(), "source");
    Refused.byUs(() -> Route.to(NET6).via(GATEWAY4).build(), "gateway");
    Refused.byUs(() -> NextHop.on(0), "index");
    Refused.byUs(() -> NextHop.on(1).withWeight(257), "weight");
    Refused.byUs(() -> RouteFilter.all().inTable(1L << 32), "table");
    Refused.byUs(() -> RouteQuery.to(IN4).from(IN6), "source");
  }

  @Test
  void severalAreOneBatch() {
    Route first = via(AddressFamily.IPV4, 100);
    Route second = via(AddressFamily.IPV6, 100);

    List<BatchResult> results = netlink.batch(List.of(
        Routes.adding(first),
        Routes.adding(first),
        Routes.replacing(second),
        Routes.appending(via(AddressFamily.IPV4, 101)),
        Routes.removing(first)));

    assertThat(results)
        .extracting(result -> result.failure().isPresent())
        .containsExactly(false, true, false, false, false);
    assertThat(routes.list(RouteFilter.all().inTable(100))).containsExactly(second);
  }
}
