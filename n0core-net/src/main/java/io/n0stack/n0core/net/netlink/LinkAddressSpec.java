package io.n0stack.n0core.net.netlink;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * An address to give to a link.
 *
 * @param cidr address and prefix length
 * @param broadcast the address of all hosts of an IPv4 network; empty for none
 * @param label a name for an IPv4 address, 1 to 15 bytes; empty for the link's name
 * @param duplicateDetection whether an IPv6 address waits until nobody else is found to have it
 * @param prefixRoute whether the network's route is added
 * @param validFor how long the address lasts, in steps of a second; empty for ever
 * @param preferredFor how long new connections use it; empty for as long as it lasts
 * @since 0.1
 */
public record LinkAddressSpec(
    CidrAddress cidr,
    Optional<InetAddress> broadcast,
    Optional<String> label,
    Switch duplicateDetection,
    Switch prefixRoute,
    Optional<Duration> validFor,
    Optional<Duration> preferredFor) {
  private static final long FOREVER = 0xffffffffL; // INFINITY_LIFE_TIME, net/addrconf.h

  /** Checks the lifetimes and the label. */
  public LinkAddressSpec {
    label.ifPresent(text -> Rules.range("label bytes", text.getBytes(UTF_8).length, 1, 15));
    validFor.ifPresent(life -> Rules.range("validFor in seconds", life.toSeconds(), 1, FOREVER));
    if (preferredFor.isPresent()
        && (validFor.isEmpty() || preferredFor.get().compareTo(validFor.get()) > 0)) {
      throw N0Exception.invalid(
          "preferredFor", preferredFor.get(), "must not be longer than validFor");
    }
  }

  /**
   * Asks for an address for ever.
   *
   * @param cidr address and prefix length
   * @return an address as {@code ip address add} makes it
   */
  public static LinkAddressSpec of(CidrAddress cidr) {
    return new LinkAddressSpec(
        cidr,
        Optional.empty(),
        Optional.empty(),
        Switch.ON,
        Switch.ON,
        Optional.empty(),
        Optional.empty());
  }

  /**
   * Lets the address end.
   *
   * @param valid how long it lasts
   * @param preferred how long new connections use it
   * @return a changed copy
   */
  public LinkAddressSpec lasting(Duration valid, Duration preferred) {
    return new LinkAddressSpec(
        cidr,
        broadcast,
        label,
        duplicateDetection,
        prefixRoute,
        Optional.of(valid),
        Optional.of(preferred));
  }

  /**
   * Uses an IPv6 address without asking whether somebody else has it.
   *
   * @return a changed copy
   */
  public LinkAddressSpec withoutDuplicateDetection() {
    return new LinkAddressSpec(
        cidr, broadcast, label, Switch.OFF, prefixRoute, validFor, preferredFor);
  }

  /**
   * Adds no route of the network.
   *
   * @return a changed copy
   */
  public LinkAddressSpec withoutPrefixRoute() {
    return new LinkAddressSpec(
        cidr, broadcast, label, duplicateDetection, Switch.OFF, validFor, preferredFor);
  }
}
