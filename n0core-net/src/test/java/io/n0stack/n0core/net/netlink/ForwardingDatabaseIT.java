package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class ForwardingDatabaseIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");
  private static final InetAddress FIRST = CidrAddress.literal("192.0.2.1");
  private static final InetAddress SECOND = CidrAddress.literal("192.0.2.2");

  private Netlink netlink;
  private ForwardingDatabase forwarding;
  private int bridge;
  private int port;
  private int vxlan;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    forwarding = netlink.forwarding();
    bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    port = netlink.links().create(LinkSpec.ifb("port0").withMaster(bridge).up()).index();
    vxlan =
        netlink.links().create(LinkSpec.of("vxlan7", LinkKind.Vxlan.of(7)).up()).index();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  @ParameterizedTest
  @EnumSource(FdbEntry.State.class)
  void entryOfABridgeIsAddedFoundAndRemoved(FdbEntry.State state) {
    FdbEntry entry = FdbEntry.behind(port, MAC).withState(state);

    forwarding.add(entry);

    assertThat(forwarding.find(entry)).contains(entry);
    assertThat(forwarding.of(port)).contains(entry);
    assertThat(forwarding.ofBridge(bridge)).contains(entry);
    assertThat(forwarding.list()).contains(entry);
    assertThat(forwarding.of(bridge)).doesNotContain(entry);
    forwarding.remove(entry);
    assertThat(forwarding.find(entry)).isEmpty();
    assertThat(forwarding.of(port)).doesNotContain(entry);
  }

  @ParameterizedTest
  @EnumSource(FdbEntry.Flag.class)
  void flagsOfAnEntryOfABridgeAreRead(FdbEntry.Flag flag) {
    FdbEntry entry = FdbEntry.behind(port, MAC).with(flag);

    forwarding.add(entry);

    assertThat(forwarding.find(entry))
        .contains(
            flag == FdbEntry.Flag.EXTERN_LEARN ? entry.withState(FdbEntry.State.DYNAMIC) : entry);
  }

  @Test
  void secondEntryOfAnAddressIsRefusedAndReplaced() {
    int other =
        netlink.links().create(LinkSpec.ifb("port1").withMaster(bridge).up()).index();
    FdbEntry entry = FdbEntry.behind(port, MAC);
    forwarding.add(entry);

    Refused.byKernel(() -> forwarding.add(entry), Code.ALREADY_EXISTS, "EEXIST");
    forwarding.replace(FdbEntry.behind(other, MAC));

    assertThat(forwarding.of(other)).contains(FdbEntry.behind(other, MAC));
    assertThat(forwarding.of(port)).doesNotContain(entry);
  }

  @Test
  void missingEntryIsNotFoundAndCannotBeRemoved() {
    FdbEntry entry = FdbEntry.behind(port, MAC);
    FdbEntry remote = FdbEntry.remote(vxlan, MAC, FIRST);

    assertThat(forwarding.find(entry)).isEmpty();
    assertThat(forwarding.find(remote)).isEmpty();
    Refused.byKernel(() -> forwarding.remove(entry), Code.NOT_FOUND, "ENOENT");
    Refused.byKernel(() -> forwarding.remove(remote), Code.NOT_FOUND, "ENOENT");
  }

  @Test
  void missingLinkHasNoEntriesAndTakesNone() {
    FdbEntry entry = FdbEntry.behind(4711, MAC);

    assertThat(forwarding.of(4711)).isEmpty();
    Refused.byKernel(() -> forwarding.ofBridge(4711), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> forwarding.find(entry), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> forwarding.add(entry), Code.NOT_FOUND, "ENODEV");
  }

  @Test
  void vlanOfABridgeThatDoesNotFilterIsRefused() {
    FdbEntry entry = FdbEntry.behind(port, MAC).withVlan(100);

    Refused.byKernel(() -> forwarding.add(entry), Code.INVALID, "EINVAL");

    assertThat(forwarding.of(port)).extracting(FdbEntry::mac).doesNotContain(entry.mac());
  }

  @Test
  void linkThatIsNoPortHasNoMaster() {
    FdbEntry entry = FdbEntry.behind(vxlan, MAC);

    Refused.byKernel(() -> forwarding.add(entry), Code.UNSUPPORTED, "EOPNOTSUPP");
  }

  @Test
  void whatTheBridgeItselfReceivesIsListedAsItsOwnAndCanBeRemovedAsListed() {
    OptionalInt none = OptionalInt.empty();
    FdbEntry own = new FdbEntry(
        bridge,
        FdbEntry.Table.SELF,
        Optional.of(MAC),
        FdbEntry.State.PERMANENT,
        Set.of(),
        none,
        Optional.empty(),
        none,
        none,
        none);
    forwarding.add(own);

    List<FdbEntry> listed =
        forwarding.of(bridge).stream().filter(e -> e.mac().equals(own.mac())).toList();

    // A kernel that can filter VLANs has it in the default VLAN, too.
    assertThat(listed).contains(own).allMatch(e -> e.table() == FdbEntry.Table.SELF);
    assertThat(forwarding.ofBridge(bridge)).contains(own);
    forwarding.remove(listed.get(listed.indexOf(own)));
    assertThat(forwarding.of(bridge)).doesNotContain(own);
  }

  @Test
  void vxlanSendsAnAddressToOneEndWithAllThatIsSaidAboutIt() {
    FdbEntry entry = FdbEntry.remote(vxlan, MAC, FIRST)
        .withPort(4790)
        .withVni(4711)
        .via(port)
        .with(FdbEntry.Flag.EXTERN_LEARN);

    forwarding.add(entry);

    assertThat(forwarding.of(vxlan)).containsExactly(entry);
    assertThat(forwarding.find(entry)).contains(entry);
    forwarding.replace(FdbEntry.remote(vxlan, MAC, SECOND));
    assertThat(forwarding.of(vxlan)).containsExactly(FdbEntry.remote(vxlan, MAC, SECOND));
  }

  @Test
  void vxlanFloodsToEachEndThatIsAppended() {
    FdbEntry first = FdbEntry.flood(vxlan, FIRST);
    FdbEntry second = FdbEntry.flood(vxlan, SECOND);

    forwarding.append(first);
    Refused.byKernel(() -> forwarding.add(second), Code.ALREADY_EXISTS, "EEXIST");
    forwarding.append(second);
    forwarding.append(second);
    Refused.byKernel(() -> forwarding.replace(second), Code.UNSUPPORTED, "EOPNOTSUPP");

    assertThat(forwarding.of(vxlan)).containsExactlyInAnyOrder(first, second);
    assertThat(forwarding.find(first)).map(FdbEntry::mac).contains(first.mac());
    forwarding.remove(first);
    assertThat(forwarding.of(vxlan)).containsExactly(second);
  }

  @Test
  void vxlanOfIpv6SendsToIpv6() {
    InetAddress local = CidrAddress.literal("fd00::1");
    int six = netlink
        .links()
        .create(LinkSpec.of(
            "vxlan8",
            new LinkKind.Vxlan(
                8, Optional.empty(), Optional.of(local), OptionalInt.empty(), 4800, Switch.ON, 0)))
        .index();
    FdbEntry entry = FdbEntry.flood(six, CidrAddress.literal("fd00::2"));

    forwarding.append(entry);

    assertThat(forwarding.of(six)).containsExactly(entry);
    Refused.byKernel(
        () -> forwarding.append(FdbEntry.flood(six, FIRST)), Code.UNSUPPORTED, "EAFNOSUPPORT");
  }

  @Test
  void manyEntriesAreOneBatchOfWhichTheGoodOnesStay() {
    FdbEntry good = FdbEntry.remote(vxlan, MAC, FIRST);

    List<BatchResult> results = netlink.batch(List.of(
        ForwardingDatabase.adding(good),
        ForwardingDatabase.adding(good),
        ForwardingDatabase.appending(FdbEntry.flood(vxlan, FIRST)),
        ForwardingDatabase.replacing(FdbEntry.behind(port, MAC)),
        ForwardingDatabase.removing(good)));

    assertThat(results)
        .extracting(result -> result.failure().isPresent())
        .containsExactly(false, true, false, false, false);
    assertThat(forwarding.of(vxlan)).containsExactly(FdbEntry.flood(vxlan, FIRST));
  }

  @Test
  void impossibleNumbersAreRefusedWithoutAskingTheKernel() {
    FdbEntry entry = FdbEntry.remote(vxlan, MAC, FIRST);

    Refused.byUs(() -> FdbEntry.behind(0, MAC), "index");
    Refused.byUs(() -> entry.withVlan(4095), "vlan");
    Refused.byUs(() -> entry.withPort(0x10000), "port");
    Refused.byUs(() -> entry.withVni(1 << 24), "vni");
    Refused.byUs(() -> entry.via(0), "via");
  }
}
