package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import java.util.List;

/**
 * How another process creates a fixture on the same data plane.
 *
 * @param factory a class with a constructor without parameters
 * @param arguments what it is given; without line breaks
 */
public record FixtureRecipe(Class<? extends Factory> factory, List<String> arguments) {
  /** Creates a fixture in a process that the kit is going to kill. */
  @FunctionalInterface
  public interface Factory {
    /**
     * Creates the fixture.
     *
     * @param arguments what the recipe says
     * @return a fixture on the same data plane, with the same specs
     */
    DriverFixture<?, ?> create(List<String> arguments);
  }

  /**
   * Creates a recipe.
   *
   * @throws N0Exception INVALID if an argument has a line break
   */
  public FixtureRecipe {
    arguments = List.copyOf(arguments);
    for (String argument : arguments) {
      if (argument.contains("\n")) {
        throw N0Exception.invalid("arguments", argument, "must have no line break");
      }
    }
  }
}
