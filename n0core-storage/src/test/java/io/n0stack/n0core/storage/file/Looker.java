package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import java.nio.file.Path;

/** A process that looks at an image's locks and tries to take them. */
final class Looker {
  private Looker() {}

  /**
   * Runs once.
   *
   * @param arguments the image
   */
  public static void main(String[] arguments) {
    Path image = Path.of(arguments[0]);
    say("look", () -> QemuLocks.look(image));
    say("exclusive", () -> QemuLocks.exclusive(image).close());
  }

  private static void say(String what, Runnable call) {
    try {
      call.run();
      System.out.println(what + " done");
    } catch (N0Exception e) {
      System.out.println(what + " " + e.code() + " " + e.getMessage());
    }
  }
}
