package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The main class of a process that dies at a crash point. Its orders come as lines on standard input,
 * so that what looks for processes by their arguments does not find it.
 */
final class CrashingProcess {
  static final int CRASHED = 134;

  private CrashingProcess() {}

  /**
   * Opens a driver, waits for the order, and carries it out.
   *
   * @param arguments none
   * @throws IOException if standard input cannot be read
   * @throws ReflectiveOperationException if the recipe's factory cannot be created
   */
  public static void main(String[] arguments) throws IOException, ReflectiveOperationException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var constructor = Class.forName(in.readLine()).getDeclaredConstructor();
    constructor.setAccessible(true);
    int count = Integer.parseInt(in.readLine());
    List<String> recipe = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      recipe.add(in.readLine());
    }
    crash(((FixtureRecipe.Factory) constructor.newInstance()).create(recipe), in);
    System.exit(0);
  }

  private static <S extends Spec, T> void crash(DriverFixture<S, T> fixture, BufferedReader in)
      throws IOException {
    try (Driver<S, T> driver = fixture.open()) {
      driver.describe();
      String order = in.readLine();
      if (order == null) {
        return; // a process that stood by and was not needed
      }
      String[] words = order.split(" ", -1);
      StandaloneContext cx =
          new StandaloneContext().with(fixture.dependencies()).haltAt(Integer.parseInt(words[1]));
      ResourceId id = new ResourceId(words[2], words[3], UUID.fromString(words[4]));
      Act.valueOf(words[0]).run(fixture, driver, cx, id);
    }
  }
}
