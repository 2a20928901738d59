package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.Rules;

/**
 * What a driver is for. Constant for the life of the driver.
 *
 * @param kind the kind of resource it makes, such as {@code volume}; one driver per kind in an agent
 * @param driver the driver's own name, such as {@code qcow2-directory}
 * @param spec the type of the spec: a record, or a sealed interface whose cases are records
 * @param status the type of the status: a record
 * @param <S> the type of the spec
 * @param <T> the type of the status
 * @since 0.1
 */
public record Descriptor<S extends Spec, T>(
    String kind, String driver, Class<S> spec, Class<T> status) {
  /** Checks both names. */
  public Descriptor {
    Rules.label("kind", kind);
    Rules.label("driver", driver);
  }
}
