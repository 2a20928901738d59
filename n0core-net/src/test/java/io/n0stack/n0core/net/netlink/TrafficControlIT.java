package io.n0stack.n0core.net.netlink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.FilterAction.Mirred;
import io.n0stack.n0core.net.netlink.FilterKind.U32;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On the kernel, and seen through the eyes of {@code tc}. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class TrafficControlIT {
  private static final long GIGABIT = 1_000_000_000;

  private Netlink netlink;
  private TrafficControl traffic;
  private int link;
  private int ifb;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    traffic = netlink.trafficControl();
    link = netlink.links().create(LinkSpec.ifb("tap0")).index();
    // Or the kernel's own router solicitations would be counted.
    netlink.links().change(link, LinkChange.none().withoutGeneratedAddresses().up());
    ifb = netlink.links().create(LinkSpec.ifb("ifb0").up()).index();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static String tc(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("tc"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.onExit().join().exitValue()).as(said).isZero();
    return said;
  }

  private static void assertCode(Runnable call, N0Exception.Code code, String text) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);
  }

  private QdiscKind root() {
    return traffic.findQdisc(link, TrafficHandle.ROOT).orElseThrow().kind();
  }

  @Test
  void bucketIsWhatTcSeesAndWhatIsReadBack() throws IOException {
    QdiscKind.Tbf tbf = QdiscKind.Tbf.of(10_000_000, 20_480, Duration.ofMillis(50));

    traffic.addQdisc(link, QdiscSpec.root(tbf).named(1));

    assertThat(tc("-j", "qdisc", "show", "dev", "tap0"))
        .contains(
            "\"kind\":\"tbf\",\"handle\":\"1:\",\"root\":true",
            "\"rate\":1250000,\"burst\":20480,\"lat\":50000");
    Qdisc read = traffic.findQdisc(link, TrafficHandle.ROOT).orElseThrow();
    assertThat(read.kind()).isEqualTo(tbf);
    assertThat(read.handle()).isEqualTo(TrafficHandle.parse("1:"));
    assertThat(read.parent()).isEqualTo(TrafficHandle.ROOT);
    assertThat(read.statistics()).isEqualTo(TrafficStatistics.NONE);
    assertThat(traffic.qdiscs(link)).containsExactly(read);
    assertCode(
        () -> traffic.addQdisc(link, QdiscSpec.root(tbf).named(1)),
        N0Exception.Code.ALREADY_EXISTS,
        "add qdisc tbf at root of link " + link);
  }

  @Test
  void bucketThatTcMadeIsReadAsTcMadeIt() throws IOException {
    tc(("qdisc add dev tap0 root handle 7: tbf rate 80mbit burst 100000 limit 300000 peakrate"
            + " 100mbit mtu 2000")
        .split(" "));

    assertThat(root())
        .isEqualTo(new QdiscKind.Tbf(80_000_000, 100_000, 300_000, Optional.empty())
            .withPeak(100_000_000, 2000));
  }

  @ParameterizedTest
  @ValueSource(longs = {64_000, 999_999_992, 34 * GIGABIT, 40 * GIGABIT, 100 * GIGABIT})
  void ratesOfAllSizesComeBack(long rate) throws IOException {
    QdiscKind.Tbf tbf = new QdiscKind.Tbf(rate, 1_000_000, 2_000_000, Optional.empty());

    traffic.replaceQdisc(link, QdiscSpec.root(tbf));

    QdiscKind.Tbf read = (QdiscKind.Tbf) root();
    assertThat(read.bitsPerSecond()).isEqualTo(rate);
    assertThat(read.limitBytes()).isEqualTo(2_000_000);
    assertThat(SchedulerTicks.same(rate / 8, read.burstBytes(), 1_000_000)).isTrue();
    assertThat(read.burstBytes()).isBetween(1_000_000 - rate / 8 / 15_000_000 - 1, 1_000_000L);
    assertThat(tc("-j", "qdisc", "show", "dev", "tap0")).contains("\"rate\":" + rate / 8 + ",");
  }

  @Test
  void replacementOfAKindChangesItAndOfAnotherTakesItsPlace() {
    traffic.addQdisc(
        link,
        QdiscSpec.root(new QdiscKind.Fifo(QdiscKind.Fifo.Unit.PACKETS, 10)).named(3));
    TrafficHandle before =
        traffic.findQdisc(link, TrafficHandle.ROOT).orElseThrow().handle();

    QdiscKind longer = new QdiscKind.Fifo(QdiscKind.Fifo.Unit.PACKETS, 20);
    traffic.replaceQdisc(link, QdiscSpec.root(longer));
    assertThat(root()).isEqualTo(longer);
    assertThat(traffic.findQdisc(link, TrafficHandle.ROOT).orElseThrow().handle())
        .isEqualTo(before);

    QdiscKind bytes = new QdiscKind.Fifo(QdiscKind.Fifo.Unit.BYTES, 3000);
    traffic.replaceQdisc(link, QdiscSpec.root(bytes));
    assertThat(root()).isEqualTo(bytes);

    traffic.changeQdisc(link, QdiscSpec.root(new QdiscKind.Fifo(QdiscKind.Fifo.Unit.BYTES, 4000)));
    assertThat(root()).isEqualTo(new QdiscKind.Fifo(QdiscKind.Fifo.Unit.BYTES, 4000));

    traffic.deleteQdisc(link, TrafficHandle.ROOT);
    assertCode(
        () -> traffic.deleteQdisc(link, TrafficHandle.ROOT),
        N0Exception.Code.NOT_FOUND,
        "delete qdisc at root");
  }

  @Test
  void linkThatQueuesNothingSaysSoAndAMissingLinkIsAnError() {
    int bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();

    Qdisc root = traffic.findQdisc(bridge, TrafficHandle.ROOT).orElseThrow();
    assertThat(root.kind()).isEqualTo(new QdiscKind.Other("noqueue", ""));
    assertThat(root.handle()).isEqualTo(TrafficHandle.NONE);
    assertThat(traffic.qdiscs(bridge)).containsExactly(root);
    assertThat(traffic.findQdisc(bridge, TrafficHandle.INGRESS)).isEmpty();
    assertThat(traffic.qdiscs(4711)).isEmpty();
    assertCode(
        () -> traffic.findQdisc(4711, TrafficHandle.ROOT),
        N0Exception.Code.NOT_FOUND,
        "find qdisc at root of link 4711");
  }

  @Test
  void classesOfAHierarchyAreWhatTcSees() throws IOException {
    TrafficHandle root = TrafficHandle.qdisc(1);
    TrafficHandle upper = new TrafficHandle(1, 1);
    TrafficHandle lower = new TrafficHandle(1, 0x20);
    TrafficClassKind.Htb whole = TrafficClassKind.Htb.of(100_000_000, 20_000).withQuantum(30_000);
    TrafficClassKind.Htb part = TrafficClassKind.Htb.of(10_000_000, 20_000)
        .withCeiling(20_000_000, 4000)
        .withPriority(3)
        .withQuantum(3000);
    traffic.addQdisc(link, QdiscSpec.root(new QdiscKind.Htb(0x20, 5)).named(1));

    traffic.addClass(link, new TrafficClassSpec(root, upper, whole));
    traffic.addClass(link, new TrafficClassSpec(upper, lower, part));
    traffic.addQdisc(
        link, QdiscSpec.below(lower, new QdiscKind.Fifo(QdiscKind.Fifo.Unit.PACKETS, 5)));

    assertThat(root()).isEqualTo(new QdiscKind.Htb(0x20, 5));
    assertThat(traffic.classes(link))
        .extracting(TrafficClass::handle, TrafficClass::parent, TrafficClass::kind)
        .containsExactly(tuple(upper, TrafficHandle.ROOT, whole), tuple(lower, upper, part));
    assertThat(tc("class", "show", "dev", "tap0"))
        .contains(
            "class htb 1:1 root rate 100Mbit ceil 100Mbit burst 20000b cburst 20000b",
            "class htb 1:20 parent 1:1 leaf",
            "prio 3 rate 10Mbit ceil 20Mbit burst 20000b cburst 4000b");
    assertCode(
        () -> traffic.addClass(link, new TrafficClassSpec(upper, lower, part)),
        N0Exception.Code.ALREADY_EXISTS,
        "traffic class 1:20");
    assertCode(() -> traffic.deleteClass(link, upper), N0Exception.Code.BUSY, "class 1:1");

    TrafficClassKind.Htb faster = part.withCeiling(40_000_000_000L, 50_000_000);
    traffic.replaceClass(link, new TrafficClassSpec(upper, lower, faster));
    assertThat(tc("class", "show", "dev", "tap0")).contains("ceil 40Gbit");
    TrafficClassKind.Htb read =
        (TrafficClassKind.Htb) traffic.classes(link).get(1).kind();
    assertThat(read.ceilingBitsPerSecond()).isEqualTo(40_000_000_000L);

    traffic.deleteClass(link, lower);
    traffic.deleteClass(link, upper);
    assertThat(traffic.classes(link)).isEmpty();
    assertCode(
        () -> traffic.deleteClass(link, upper), N0Exception.Code.NOT_FOUND, "delete traffic class");
  }

  @Test
  void filtersAreWhatTcSees() throws IOException {
    traffic.addQdisc(link, QdiscSpec.ingress());
    U32 web = new U32(
        List.of(
            new U32.Match(0x0a000001, 0xffffffff, 16), new U32.Match(0x00000050, 0x0000ffff, 20)),
        Optional.of(TrafficHandle.parse("1:20")),
        List.of(Mirred.mirror(ifb)));
    U32 all = U32.all(new Mirred(Mirred.Transfer.REDIRECT, Mirred.Side.INGRESS, ifb));

    traffic.addFilter(link, new FilterSpec(TrafficHandle.CLSACT_INGRESS, 5, 0x0800, 0, web));
    traffic.addFilter(link, FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 9, all));

    String seen = tc("filter", "show", "dev", "tap0", "ingress");
    assertThat(seen)
        .contains(
            "filter protocol ip pref 5 u32 chain 0 fh 800::800",
            "flowid 1:20",
            "match 0a000001/ffffffff at 16",
            "match 00000050/0000ffff at 20",
            "mirred (Egress Mirror to device ifb0) pipe",
            "filter protocol all pref 9 u32 chain 0 fh 801::800",
            "match 00000000/00000000 at 0",
            "mirred (Ingress Redirect to device ifb0) stolen");
    List<Filter> filters = traffic.filters(link, TrafficHandle.CLSACT_INGRESS);
    assertThat(filters).extracting(filter -> filter.spec().kind()).containsExactly(web, all);
    assertThat(filters)
        .extracting(filter -> filter.spec().etherType())
        .containsExactly(0x0800, FilterSpec.ALL);
    assertThat(filters)
        .extracting(filter -> filter.spec().handle())
        .containsExactly(0x80000800, 0x80100800);

    traffic.deleteFilter(filters.get(0));
    traffic.replaceFilter(
        link,
        FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 9, U32.all(Mirred.redirect(ifb)))
            .named(0x80100800));
    assertThat(traffic.filters(link, TrafficHandle.CLSACT_INGRESS))
        .extracting(filter -> filter.spec().kind())
        .containsExactly(U32.all(Mirred.redirect(ifb)));
    assertCode(
        () -> traffic.deleteFilter(filters.get(0)),
        N0Exception.Code.NOT_FOUND,
        "delete filter 80000800 of priority 5");
    traffic.deleteFilters(link, TrafficHandle.CLSACT_INGRESS, 9);
    assertThat(traffic.filters(link, TrafficHandle.CLSACT_INGRESS)).isEmpty();
    assertThat(traffic.filters(link, TrafficHandle.CLSACT_EGRESS)).isEmpty();
  }

  @Test
  void ingressAndClsactExcludeEachOther() {
    traffic.addQdisc(link, QdiscSpec.clsact());

    assertThat(traffic.findQdisc(link, TrafficHandle.INGRESS).orElseThrow())
        .extracting(Qdisc::kind, Qdisc::handle)
        .containsExactly(new QdiscKind.Clsact(), TrafficHandle.qdisc(0xffff));
    assertCode(
        () -> traffic.addQdisc(link, QdiscSpec.ingress()), N0Exception.Code.ALREADY_EXISTS, "");
    traffic.deleteQdisc(link, TrafficHandle.INGRESS);
    assertThat(traffic.findQdisc(link, TrafficHandle.INGRESS)).isEmpty();
  }

  @Test
  void whatTheKernelHasNoModuleForIsUnsupportedAndChangesNothing() {
    traffic.addQdisc(link, QdiscSpec.ingress());
    QdiscSpec unknown = QdiscSpec.root(new QdiscKind.Other("nosuchqdisc", ""));
    FilterSpec filter =
        FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 1, new FilterKind.Other("nosuchfilter", ""));
    FilterSpec action = FilterSpec.all(
        TrafficHandle.CLSACT_INGRESS, 1, U32.all(new FilterAction.Other("nosuchaction", "")));

    N0Exception.Code code = N0Exception.Code.UNSUPPORTED;
    assertCode(() -> traffic.addQdisc(link, unknown), code, "Specified qdisc kind is unknown");
    assertCode(() -> traffic.addFilter(link, filter), code, "TC classifier not found");
    assertCode(() -> traffic.addFilter(link, action), code, "Failed to load TC action module");
    assertThat(traffic.filters(link, TrafficHandle.CLSACT_INGRESS)).isEmpty();
    assertThat(netlink
            .batch(List.of(TrafficControl.addingQdisc(link, unknown)))
            .get(0)
            .failure())
        .hasValueSatisfying(e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void disciplineOfAnotherKindIsReadAndWrittenAsItIs() throws IOException {
    tc("qdisc", "add", "dev", "tap0", "root", "handle", "5:", "pfifo_head_drop", "limit", "9");
    QdiscKind.Other dropping = (QdiscKind.Other) root();
    assertThat(dropping.kernelName()).isEqualTo("pfifo_head_drop");

    traffic.replaceQdisc(ifb, QdiscSpec.root(dropping));

    assertThat(tc("qdisc", "show", "dev", "ifb0")).contains("pfifo_head_drop", "limit 9p");
  }

  @Test
  void batchLimitsManyLinksAtOnce() {
    List<Change> changes = new ArrayList<>();
    QdiscKind.Tbf tbf = QdiscKind.Tbf.of(10_000_000, 20_480, Duration.ofMillis(50));
    for (int i = 0; i < 50; i++) {
      int index = netlink.links().create(LinkSpec.ifb("if" + i)).index();
      changes.add(TrafficControl.addingQdisc(index, QdiscSpec.root(tbf)));
      changes.add(TrafficControl.addingQdisc(index, QdiscSpec.ingress()));
      changes.add(TrafficControl.addingFilter(
          index, FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 1, U32.all(Mirred.redirect(ifb)))));
    }

    assertThat(netlink.batch(changes)).allMatch(result -> result.failure().isEmpty());

    assertThat(traffic.qdiscs()).filteredOn(qdisc -> qdisc.kind().equals(tbf)).hasSize(50);
  }
}
