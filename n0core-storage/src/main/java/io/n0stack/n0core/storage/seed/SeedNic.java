package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What the guest does with one of its NICs, which it knows by the MAC address.
 *
 * @param mac the NIC's address
 * @param name what the guest is to call it; empty for its own choice
 * @param dhcp where it asks for addresses
 * @param addresses what it has in any case
 * @param routes the routes by this NIC
 * @param nameservers the name servers to ask
 * @param searchDomains the domains in which names are looked for
 * @param mtu the largest packet; empty for the guest's own choice
 * @since 0.1
 */
public record SeedNic(
    MacAddress mac,
    Optional<String> name,
    Set<Dhcp> dhcp,
    List<CidrAddress> addresses,
    List<SeedRoute> routes,
    List<InetAddress> nameservers,
    List<String> searchDomains,
    Optional<Integer> mtu) {
  private static final int LEAST_MTU = 68; // RFC 791
  private static final int LEAST_MTU_6 = 1280; // RFC 8200
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]+");

  /** A family of addresses to ask for. */
  public enum Dhcp {
    /** IPv4. */
    V4,
    /** IPv6. */
    V6
  }

  /** Checks each part. */
  public SeedNic {
    name.ifPresent(SeedNic::requireName);
    dhcp = Set.copyOf(dhcp);
    addresses = List.copyOf(addresses);
    addresses.forEach(address -> SeedRules.address("nic.addresses", address.address()));
    SeedRules.distinct("nic.addresses", addresses);
    routes = List.copyOf(routes);
    SeedRules.distinct("nic.routes", routes);
    nameservers = List.copyOf(nameservers);
    nameservers.forEach(server -> SeedRules.address("nic.nameservers", server));
    searchDomains = List.copyOf(searchDomains);
    searchDomains.forEach(domain -> SeedRules.domain("nic.searchDomains", domain));
    boolean six = dhcp.contains(Dhcp.V6)
        || addresses.stream().anyMatch(address -> address.address() instanceof Inet6Address);
    mtu.ifPresent(bytes -> Rules.range("nic.mtu", bytes, six ? LEAST_MTU_6 : LEAST_MTU, 65_535));
  }

  private static void requireName(String name) {
    Rules.linkName("nic.name", name);
    if (!NAME.matcher(name).matches()) {
      throw N0Exception.invalid("nic.name", name, "must be of A-Z, a-z, 0-9, '.', '_' and '-'");
    }
  }

  /**
   * Begins a NIC that has nothing but its MAC address.
   *
   * @param mac the address
   * @return a builder for one thread
   */
  public static Builder builder(MacAddress mac) {
    return new Builder(mac);
  }

  /** Collects the optional parts of a NIC. Used by one thread. */
  public static final class Builder {
    private final MacAddress mac;
    private Optional<String> name = Optional.empty();
    private final Set<Dhcp> dhcp = EnumSet.noneOf(Dhcp.class);
    private final List<CidrAddress> addresses = new ArrayList<>();
    private final List<SeedRoute> routes = new ArrayList<>();
    private final List<InetAddress> nameservers = new ArrayList<>();
    private final List<String> searchDomains = new ArrayList<>();
    private Optional<Integer> mtu = Optional.empty();

    private Builder(MacAddress mac) {
      this.mac = mac;
    }

    /**
     * Sets what the guest is to call the NIC.
     *
     * @param link the name
     * @return this
     */
    public Builder name(String link) {
      name = Optional.of(link);
      return this;
    }

    /**
     * Has the guest ask for an address.
     *
     * @param family of which family
     * @return this
     */
    public Builder dhcp(Dhcp family) {
      dhcp.add(family);
      return this;
    }

    /**
     * Adds an address.
     *
     * @param address the address with the length of its network's prefix
     * @return this
     */
    public Builder address(CidrAddress address) {
      addresses.add(address);
      return this;
    }

    /**
     * Adds the default route.
     *
     * @param router where all packets go that no other route takes
     * @return this
     */
    public Builder gateway(InetAddress router) {
      return route(SeedRoute.byDefault(router));
    }

    /**
     * Adds a route.
     *
     * @param route the route
     * @return this
     */
    public Builder route(SeedRoute route) {
      routes.add(route);
      return this;
    }

    /**
     * Adds a name server.
     *
     * @param server its address
     * @return this
     */
    public Builder nameserver(InetAddress server) {
      nameservers.add(server);
      return this;
    }

    /**
     * Adds a domain in which names are looked for.
     *
     * @param domain its name
     * @return this
     */
    public Builder searchDomain(String domain) {
      searchDomains.add(domain);
      return this;
    }

    /**
     * Sets the largest packet.
     *
     * @param bytes its size
     * @return this
     */
    public Builder mtu(int bytes) {
      mtu = Optional.of(bytes);
      return this;
    }

    /**
     * Checks the parts and makes the NIC.
     *
     * @return the NIC
     */
    public SeedNic build() {
      return new SeedNic(mac, name, dhcp, addresses, routes, nameservers, searchDomains, mtu);
    }
  }
}
