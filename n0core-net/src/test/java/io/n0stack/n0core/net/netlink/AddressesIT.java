package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class AddressesIT {
  private Netlink netlink;
  private Addresses addresses;
  private int link;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    addresses = netlink.addresses();
    link = netlink.links().create(LinkSpec.ifb("ifb7")).index();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.77.0.1/24", "fd00::1/64"})
  void addressIsRefusedTwiceReplacedAndRemovedOnce(String text) {
    LinkAddressSpec spec = LinkAddressSpec.of(CidrAddress.parse(text)).withoutDuplicateDetection();
    addresses.add(link, spec);

    Refused.byKernel(() -> addresses.add(link, spec), Code.ALREADY_EXISTS, "EEXIST");
    addresses.replace(link, spec.lasting(Duration.ofHours(2), Duration.ofHours(1)));

    assertThat(addresses.of(link))
        .filteredOn(address -> address.cidr().equals(spec.cidr()))
        .extracting(LinkAddress::origin)
        .containsExactly(LinkAddress.Origin.LEASED);
    addresses.remove(link, spec.cidr());
    Refused.byKernel(() -> addresses.remove(link, spec.cidr()), Code.NOT_FOUND, "EADDRNOTAVAIL");
  }

  @Test
  void prefixLongerThanTheAddressIsNone() {
    Refused.byUs(() -> CidrAddress.parse("10.77.0.1/33"), "prefixLength");
    Refused.byUs(() -> CidrAddress.parse("fd00::1/129"), "prefixLength");
  }

  @Test
  void missingLinkIsNotFound() {
    CidrAddress address = CidrAddress.parse("10.77.0.1/24");

    Refused.byKernel(() -> addresses.add(4711, address), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> addresses.remove(4711, address), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> addresses.of(4711), Code.NOT_FOUND, "ENODEV");
  }

  @Test
  void listOfALinkHasNoneOfTheOthers() {
    int other = netlink.links().create(LinkSpec.ifb("ifb8")).index();
    CidrAddress mine = CidrAddress.parse("10.77.0.1/24");
    CidrAddress theirs = CidrAddress.parse("10.78.0.1/24");

    netlink.batch(List.of(
        Addresses.adding(link, LinkAddressSpec.of(mine)),
        Addresses.adding(other, LinkAddressSpec.of(theirs))));

    assertThat(addresses.of(link)).extracting(LinkAddress::cidr).containsExactly(mine);
    assertThat(addresses.list()).extracting(LinkAddress::cidr).contains(mine, theirs);
  }
}
