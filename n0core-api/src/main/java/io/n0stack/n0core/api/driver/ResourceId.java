package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.Rules;
import java.util.UUID;

/**
 * Identifies one resource on one host for its whole life.
 *
 * <p>The name may be used again after a deletion; the uid never is. A driver stamps both on
 * everything it makes and touches only what bears the same uid.
 *
 * @param kind what it is, such as {@code machine}; a lower-case RFC 1123 label
 * @param name what people call it; a lower-case RFC 1123 label of 1 to 63 characters
 * @param uid what tells it from an earlier resource of the same name
 * @since 0.1
 */
public record ResourceId(String kind, String name, UUID uid) {
  /** Checks kind and name. */
  public ResourceId {
    Rules.label("kind", kind);
    Rules.label("name", name);
  }

  /**
   * Makes the identity of a resource that does not exist yet.
   *
   * @param kind what it is
   * @param name what people call it
   * @return an identity with a fresh random uid
   */
  public static ResourceId fresh(String kind, String name) {
    return new ResourceId(kind, name, UUID.randomUUID());
  }

  /**
   * Returns how others refer to it.
   *
   * @return kind and name, without the uid
   */
  public Reference reference() {
    return new Reference(kind, name);
  }

  /** Returns kind and quoted name, the form used in messages, such as {@code machine "web1"}. */
  @Override
  public String toString() {
    return reference().toString();
  }
}
