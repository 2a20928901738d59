package io.n0stack.n0core.tck;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Something of the machine that a test cannot do without. */
public enum Requirement {
  /** The test runs as user 0 and may make network namespaces. */
  ROOT,
  /** {@code qemu-system-x86_64}, {@code qemu-img} and {@code qemu-storage-daemon} are installed. */
  QEMU,
  /** {@code linux.uml}, a Linux kernel that runs as a process, and {@code bwrap} are installed. */
  UML,
  /** {@code etcd} is installed. */
  ETCD,
  /** {@code qemu-ga}, the agent that runs in guests, is installed. */
  GUEST_AGENT;

  /**
   * Looks whether this machine has it.
   *
   * @return whether the test can run
   */
  public boolean met() {
    return switch (this) {
      case ROOT ->
        "root".equals(System.getProperty("user.name")) && Files.exists(Path.of("/dev/net/tun"));
      case QEMU ->
        Stream.of("qemu-system-x86_64", "qemu-img", "qemu-storage-daemon")
            .allMatch(Requirement::installed);
      case UML -> installed("linux.uml") && installed("bwrap");
      case ETCD -> installed("etcd");
      case GUEST_AGENT -> installed("qemu-ga");
    };
  }

  private static boolean installed(String program) {
    return List.of(System.getenv("PATH").split(":")).stream()
        .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
  }
}
