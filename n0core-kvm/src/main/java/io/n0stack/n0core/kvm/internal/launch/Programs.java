package io.n0stack.n0core.kvm.internal.launch;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Programs of this host. */
public final class Programs {
  private Programs() {}

  /**
   * Says whether a program can be started.
   *
   * @param program an absolute path or a name on PATH
   * @return true if it can
   */
  public static boolean installed(String program) {
    if (program.contains("/")) {
      return Files.isExecutable(Path.of(program));
    }
    String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
    return Stream.of(path.split(File.pathSeparator, -1))
        .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
  }
}
