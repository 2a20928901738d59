package io.n0stack.n0core.net.nft;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Which packets a table sees, as {@code nft} names it.
 *
 * @since 0.1
 */
public enum Family {
  /** IPv4 and IPv6. */
  INET(1),
  /** IPv4, {@code ip} for {@code nft}. */
  IP(2),
  /** ARP. */
  ARP(3),
  /** What one link receives or sends. */
  NETDEV(5),
  /** Frames that a bridge forwards. */
  BRIDGE(7),
  /** IPv6. */
  IP6(10);

  private final int number; // NFPROTO_*, linux/netfilter.h

  Family(int number) {
    this.number = number;
  }

  int number() {
    return number;
  }

  static Optional<Family> of(int number) {
    return Stream.of(values()).filter(family -> family.number == number).findFirst();
  }

  /** Returns the name that {@code nft} uses. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
