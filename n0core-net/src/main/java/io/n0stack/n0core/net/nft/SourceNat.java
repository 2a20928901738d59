package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * How guests of a network reach others that know no way back to them.
 *
 * @param id whose it is, 1 to 100 bytes; also its name
 * @param sources the guests' addresses, such as 10.77.0.1/24, of which the network counts; one or more
 * @param bridge the link behind which the guests are: what leaves through it keeps its source; empty to
 *     change all
 * @param address the address that they have then, of the host; empty for that of the link by which a
 *     packet leaves
 * @since 0.1
 */
public record SourceNat(
    String id, List<CidrAddress> sources, Optional<String> bridge, Optional<InetAddress> address) {
  /** Checks all. */
  public SourceNat {
    Firewall.requireId(id);
    sources = List.copyOf(sources);
    if (sources.isEmpty()) {
      throw N0Exception.invalid("sources", sources, "must be one or more");
    }
    bridge.ifPresent(name -> Rules.linkName("bridge", name));
    if (address.isPresent()) {
      int length = address.get().getAddress().length;
      if (sources.stream().anyMatch(each -> each.address().getAddress().length != length)) {
        throw N0Exception.invalid("address", address.get(), "must be of the sources' family");
      }
    }
  }

  /**
   * Gives guests the address of the link by which they leave.
   *
   * @param id whose it is, 1 to 100 bytes; also its name
   * @param sources the guests' addresses
   * @param bridge the link behind which the guests are
   * @return what the name says
   */
  public static SourceNat masquerade(String id, List<CidrAddress> sources, String bridge) {
    return new SourceNat(id, sources, Optional.of(bridge), Optional.empty());
  }

  /**
   * Gives guests one address.
   *
   * @param other an address of the host
   * @return a changed copy
   */
  public SourceNat withAddress(InetAddress other) {
    return new SourceNat(id, sources, bridge, Optional.of(other));
  }
}
