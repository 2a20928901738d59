package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.RoutingRule.Action;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class RoutingRulesIT {
  private Netlink netlink;
  private RoutingRules rules;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    rules = netlink.rules();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static CidrAddress network(AddressFamily family, int number) {
    return CidrAddress.parse(
        family == AddressFamily.IPV4 ? "10." + number + ".0.0/16" : "2001:db8:" + number + "::/48");
  }

  @ParameterizedTest
  @EnumSource(AddressFamily.class)
  void rulesOfTheKernelAreRead(AddressFamily family) {
    List<RoutingRule> listed = rules.list(family);

    assertThat(listed).extracting(RoutingRule::table).startsWith(Route.LOCAL, Route.MAIN);
    assertThat(listed).allMatch(rule -> rule.family() == family);
    assertThat(listed).allMatch(rule -> rule.protocol() == Route.KERNEL);
  }

  @ParameterizedTest
  @EnumSource(AddressFamily.class)
  void ruleWithEverythingIsReadAsItWasWritten(AddressFamily family) {
    RoutingRule rule = RoutingRule.of(family)
        .priority(4_000_000_000L)
        .from(network(family, 1))
        .to(network(family, 2))
        .input("eth1")
        .output("eth2")
        .mark(0x80000001L, 0xff0000ffL)
        .inverted()
        .table(4_000_000_001L)
        .suppressPrefixLength(0)
        .protocol(186)
        .build();

    rules.add(rule);

    assertThat(rules.list(family)).contains(rule);
    Refused.byKernel(() -> rules.add(rule), Code.ALREADY_EXISTS, "EEXIST");
    rules.remove(rule);
    assertThat(rules.list(family)).doesNotContain(rule);
    Refused.byKernel(() -> rules.remove(rule), Code.NOT_FOUND, "ENOENT");
  }

  @ParameterizedTest
  @EnumSource(
      value = Action.class,
      names = {"NOP", "BLACKHOLE", "UNREACHABLE", "PROHIBIT"})
  void actionsWithoutATableAreRules(Action action) {
    RoutingRule rule =
        RoutingRule.of(AddressFamily.IPV4).priority(1000).action(action).build();

    rules.add(rule);

    assertThat(rules.list(AddressFamily.IPV4)).contains(rule);
    rules.remove(rule);
    assertThat(rules.list(AddressFamily.IPV4)).doesNotContain(rule);
  }

  @Test
  void jumpGoesForwardOnly() {
    RoutingRule forward =
        RoutingRule.of(AddressFamily.IPV4).priority(1000).jumpTo(32766).build();
    RoutingRule backward =
        RoutingRule.of(AddressFamily.IPV4).priority(1001).jumpTo(1000).build();

    rules.add(forward);

    assertThat(rules.list(AddressFamily.IPV4)).contains(forward);
    Refused.byKernel(() -> rules.add(backward), Code.INVALID, "EINVAL");
  }

  @Test
  void kernelChoosesAPriorityInFrontOfItsOwn() {
    RoutingRule rule = RoutingRule.of(AddressFamily.IPV4)
        .from(network(AddressFamily.IPV4, 1))
        .table(100)
        .build();

    rules.add(rule);

    assertThat(rules.list(AddressFamily.IPV4).get(1)).satisfies(made -> {
      assertThat(made.table()).isEqualTo(100);
      assertThat(made.priority()).hasValue(32765);
    });
    rules.remove(rule);
    assertThat(rules.list(AddressFamily.IPV4)).hasSize(3);
  }

  @Test
  void rulesDecideWhichTableARouteIsTakenFrom() {
    netlink.links().change(1, LinkChange.none().up());
    CidrAddress destination = network(AddressFamily.IPV4, 9);
    Route route = Route.to(destination).type(Route.Type.LOCAL).on(1).table(100).build();
    netlink.routes().add(route);
    RouteQuery marked = RouteQuery.to(destination.address()).withMark(7);

    rules.add(RoutingRule.of(AddressFamily.IPV4).mark(7, 0xff).table(100).build());

    assertThat(netlink.routes().match(marked)).contains(route);
    assertThat(netlink.routes().match(RouteQuery.to(destination.address()))).isEmpty();
  }

  @Test
  void impossibleCombinationsAreRefusedWithoutAskingTheKernel() {
    RoutingRule.Builder four = RoutingRule.of(AddressFamily.IPV4);

    Refused.byUs(() -> RoutingRule.of(AddressFamily.IPV4).priority(-1).build(), "priority");
    Refused.byUs(four.from(network(AddressFamily.IPV6, 1))::build, "from");
    Refused.byUs(() -> RoutingRule.of(AddressFamily.IPV4).table(0).build(), "table");
    Refused.byUs(() -> RoutingRule.of(AddressFamily.IPV4).input("a/b").build(), "input");
    Refused.byUs(() -> RoutingRule.of(AddressFamily.IPV4).mark(1L << 32, 0).build(), "mark");
    Refused.byUs(() -> RoutingRule.of(AddressFamily.IPV4).action(Action.GOTO).build(), "target");
    Refused.byUs(
        () -> RoutingRule.of(AddressFamily.IPV4).suppressPrefixLength(129).build(),
        "suppressPrefixLength");
  }

  @Test
  void severalAreOneBatch() {
    RoutingRule rule = RoutingRule.of(AddressFamily.IPV6).priority(7).table(100).build();

    List<BatchResult> results = netlink.batch(
        List.of(RoutingRules.adding(rule), RoutingRules.adding(rule), RoutingRules.removing(rule)));

    assertThat(results)
        .extracting(result -> result.failure().isPresent())
        .containsExactly(false, true, false);
  }
}
