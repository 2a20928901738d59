package io.n0stack.n0core.membership;

import java.util.Optional;

/** Knows by which keys members have proved who they are. */
interface Identities {
  /**
   * Finds the public key that a living member has proved to hold.
   *
   * @return the key, Base64; empty if members are not known by keys
   */
  Optional<String> identityKey(String name);
}
