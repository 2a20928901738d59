package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.Spec;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A tap that plugs one NIC of a machine into a network.
 *
 * @param network name of the network, on the same host
 * @param mac the NIC's address; empty if the driver derives it from the port's uid
 * @param mtu bytes, 68 to 65535; empty for the network's
 * @param ownerUid the only user id, besides root, that may open the tap, 0 to 4294967294
 * @param transmitLimit what the guest may send; empty for no limit
 * @param receiveLimit what the guest may be sent; empty for no limit
 * @param antiSpoof which frames of the guest are dropped
 * @param isolation which other ports of the network it reaches
 * @param addresses the guest's own addresses: unicast, each once, at most 64. Anti-spoofing lets frames
 *     with them pass, and if there are none looks at the MAC only; the network's DHCP serves them
 * @since 0.1
 */
public record PortSpec(
    String network,
    Optional<MacAddress> mac,
    Optional<Integer> mtu,
    long ownerUid,
    Optional<RateLimit> transmitLimit,
    Optional<RateLimit> receiveLimit,
    AntiSpoof antiSpoof,
    Isolation isolation,
    List<InetAddress> addresses)
    implements Spec {
  private static final int MOST_ADDRESSES = 64;

  /** Which frames of a guest are dropped at its tap. */
  public enum AntiSpoof {
    /** None. */
    OFF,
    /**
     * Those whose source MAC, IPv4, IPv6 or ARP address is not the port's. A port without addresses has
     * its MAC looked at, and no more.
     */
    STRICT
  }

  /** Which other ports of the network a port reaches. */
  public enum Isolation {
    /** All. */
    SHARED,
    /** Only the uplink and the gateway. */
    ISOLATED
  }

  /**
   * A token bucket.
   *
   * @param bitsPerSecond sustained rate, at least 8000
   * @param burstBytes bucket size, at least 1600
   */
  public record RateLimit(long bitsPerSecond, long burstBytes) {
    /** Checks both. */
    public RateLimit {
      Rules.range("bitsPerSecond", bitsPerSecond, 8000, Long.MAX_VALUE);
      Rules.range("burstBytes", burstBytes, 1600, Integer.MAX_VALUE);
    }
  }

  /** Checks name, MTU, owner and addresses. */
  public PortSpec {
    addresses = List.copyOf(addresses);
    Rules.label("network", network);
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 68, 0xffff));
    Rules.range("ownerUid", ownerUid, 0, 0xfffffffeL);
    if (addresses.size() > MOST_ADDRESSES
        || addresses.stream().distinct().count() < addresses.size()
        || addresses.stream().anyMatch(PortSpec::isNoGuests)) {
      throw N0Exception.invalid(
          "addresses",
          addresses,
          "must be at most " + MOST_ADDRESSES + " unicast addresses, each once");
    }
  }

  private static boolean isNoGuests(InetAddress address) {
    return address.isMulticastAddress()
        || address.isAnyLocalAddress()
        || address.isLoopbackAddress()
        || Arrays.equals(address.getAddress(), new byte[] {-1, -1, -1, -1});
  }

  @Override
  public Set<Reference> dependencies() {
    return Set.of(new Reference(NetworkDriver.KIND, network));
  }

  /**
   * Makes a port with nothing but defaults: derived MAC, the network's MTU, owned by root.
   *
   * @param network name of the network
   * @return the spec
   */
  public static PortSpec on(String network) {
    return builder(network).build();
  }

  /**
   * Begins a port.
   *
   * @param network name of the network
   * @return a builder for one thread
   */
  public static Builder builder(String network) {
    return new Builder(network);
  }

  /** Collects the optional parts of a port. Used by one thread. */
  public static final class Builder {
    private final String network;
    private Optional<MacAddress> mac = Optional.empty();
    private Optional<Integer> mtu = Optional.empty();
    private long ownerUid;
    private Optional<RateLimit> transmitLimit = Optional.empty();
    private Optional<RateLimit> receiveLimit = Optional.empty();
    private AntiSpoof antiSpoof = AntiSpoof.OFF;
    private Isolation isolation = Isolation.SHARED;
    private List<InetAddress> addresses = List.of();

    private Builder(String network) {
      this.network = network;
    }

    /**
     * Sets the NIC's address.
     *
     * @param address a unicast address
     * @return this
     */
    public Builder mac(MacAddress address) {
      mac = Optional.of(address);
      return this;
    }

    /**
     * Sets the MTU.
     *
     * @param bytes 68 to 65535
     * @return this
     */
    public Builder mtu(int bytes) {
      mtu = Optional.of(bytes);
      return this;
    }

    /**
     * Sets who may open the tap.
     *
     * @param uid a user id
     * @return this
     */
    public Builder ownerUid(long uid) {
      ownerUid = uid;
      return this;
    }

    /**
     * Limits what the guest sends.
     *
     * @param limit the bucket
     * @return this
     */
    public Builder transmitLimit(RateLimit limit) {
      transmitLimit = Optional.of(limit);
      return this;
    }

    /**
     * Limits what the guest is sent.
     *
     * @param limit the bucket
     * @return this
     */
    public Builder receiveLimit(RateLimit limit) {
      receiveLimit = Optional.of(limit);
      return this;
    }

    /**
     * Sets which frames are dropped.
     *
     * @param which the rule
     * @return this
     */
    public Builder antiSpoof(AntiSpoof which) {
      antiSpoof = which;
      return this;
    }

    /**
     * Sets which other ports it reaches.
     *
     * @param which the rule
     * @return this
     */
    public Builder isolation(Isolation which) {
      isolation = which;
      return this;
    }

    /**
     * Sets the guest's own addresses.
     *
     * @param own unicast addresses
     * @return this
     */
    public Builder addresses(InetAddress... own) {
      addresses = List.of(own);
      return this;
    }

    /**
     * Checks the parts and makes the spec.
     *
     * @return the spec
     */
    public PortSpec build() {
      return new PortSpec(
          network,
          mac,
          mtu,
          ownerUid,
          transmitLimit,
          receiveLimit,
          antiSpoof,
          isolation,
          addresses);
    }
  }
}
