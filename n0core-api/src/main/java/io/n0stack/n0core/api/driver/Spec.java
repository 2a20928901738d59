package io.n0stack.n0core.api.driver;

import java.util.Set;

/**
 * What somebody wants a resource to be.
 *
 * <p>Implementations are immutable records (or a sealed interface whose cases are records) that
 * check every component in their compact constructor; equal specs mean "unchanged". The agent
 * stores them as JSON by component name, so a component that is added later is an {@link
 * java.util.Optional} or a collection, whose absence means "as before".
 *
 * @since 0.1
 */
public interface Spec {
  /**
   * Names the resources that must be READY before this one can be applied, and that must outlive it.
   *
   * @return what this spec refers to, empty unless overridden
   */
  default Set<Reference> dependencies() {
    return Set.of();
  }
}
