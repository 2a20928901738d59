package io.n0stack.n0core.tck.child;

import java.nio.file.Path;

/** What it takes to start another JVM with the classes of this one. Stateless. */
public final class ChildJvm {
  private ChildJvm() {}

  /**
   * Returns the program that runs this JVM.
   *
   * @return its path
   */
  public static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /**
   * Returns a class path with all classes of the tests, also where this JVM has them in modules. The tests'
   * own are then looked for where Maven puts them, below the property {@code basedir} that surefire and
   * failsafe set.
   *
   * @return entries separated by colons
   */
  public static String classPath() {
    String classPath = System.getProperty("java.class.path");
    String modules = System.getProperty("jdk.module.path", "");
    if (modules.isEmpty()) {
      return classPath;
    }
    Path base = Path.of(System.getProperty("basedir", ".")).toAbsolutePath();
    return String.join(
        ":",
        base.resolve("target/test-classes").toString(),
        base.resolve("target/classes").toString(),
        modules,
        classPath);
  }
}
