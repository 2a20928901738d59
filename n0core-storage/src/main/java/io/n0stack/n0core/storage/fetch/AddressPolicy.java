package io.n0stack.n0core.storage.fetch;

/**
 * Which addresses a fetch may go to. Private is whatever is not unicast on the public internet: this
 * host, private and link-local networks, multicast, and what the registries reserve.
 *
 * @since 0.1
 */
public enum AddressPolicy {
  /** Everywhere. */
  ANY,
  /** Everywhere, but once a host had a public address no redirect may lead to a private one. */
  PUBLIC_STAYS_PUBLIC,
  /** Only where every address of the host is public. */
  PUBLIC_ONLY
}
