package io.n0stack.n0core.kvm.guest;

import java.util.List;
import java.util.Optional;

/**
 * A network interface as the guest sees it; not to be trusted.
 *
 * @param name its name
 * @param hardwareAddress its MAC address
 * @param addresses its IP addresses
 * @param receivedBytes bytes received, empty if the agent does not count
 * @param sentBytes bytes sent, empty if the agent does not count
 * @since 0.1
 */
public record NetworkInterface(
    String name,
    Optional<String> hardwareAddress,
    List<Address> addresses,
    Optional<Long> receivedBytes,
    Optional<Long> sentBytes) {
  /** Copies the list. */
  public NetworkInterface {
    addresses = List.copyOf(addresses);
  }

  static NetworkInterface from(GuestResult result) {
    return new NetworkInterface(
        result.text("/name"),
        result.optText("/hardware-address"),
        result.optList("/ip-addresses", Address::from),
        result.find("/statistics/rx-bytes").map(part -> part.number("")),
        result.find("/statistics/tx-bytes").map(part -> part.number("")));
  }

  /**
   * An IP address.
   *
   * @param address the address in the guest's words
   * @param family {@code ipv4} or {@code ipv6}
   * @param prefix how many of its bits name the network
   * @since 0.1
   */
  public record Address(String address, String family, long prefix) {
    static Address from(GuestResult result) {
      return new Address(
          result.text("/ip-address"), result.text("/ip-address-type"), result.number("/prefix"));
    }
  }
}
