package io.n0stack.n0core.net;

import java.nio.file.Path;

/** What it takes to start another JVM with our classes. */
public final class ChildJvm {
  private ChildJvm() {}

  /** The program that runs this JVM. */
  public static Path java() {
    return Path.of(System.getProperty("java.home"), "bin", "java");
  }

  /** All classes of the tests: where ours are a module, they are not on the class path. */
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
