package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.child.ChildJvm;
import io.n0stack.n0core.tck.child.ChildResult;
import io.n0stack.n0core.tck.child.ChildTests;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs the tests of the clients as user 65534, who is root in a user namespace and nothing
 * outside. This is what {@code unshare -Urn} gives anybody, but works also where a security module
 * keeps that from them: root makes the namespace, and enters it as that user.
 */
@Requires(Requirement.ROOT)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UnprivilegedIT {
  private static final String NOBODY = "0 65534 1";
  // Not those that need users or a root of the host, or run long.
  private static final String TESTS =
      ".*\\.(WithoutPrivileges|NetlinkIT|LinkEdgesIT|BridgesIT|AddressesIT"
          + "|NeighboursIT|ForwardingDatabaseIT|RoutesIT|RoutingRulesIT|TrafficControlIT|NetlinkMonitorIT"
          + "|TapIT|NftIT|FirewallIT)";
  private static final String NAMESPACES = String.join(
      "; ",
      // Some hosts keep the device for root.
      "mount -t tmpfs tmpfs /dev/net",
      "mknod -m 666 /dev/net/tun c 10 200", // linux/miscdevice.h: TUN_MINOR
      "exec unshare --user --net --mount sh -c 'echo made; read -r _'");

  private List<ChildResult> results = List.of();

  @BeforeAll
  void runAsNobody(@TempDir Path directory) throws IOException, InterruptedException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
    Path file = directory.resolve("results");
    Process namespaces = new ProcessBuilder("unshare", "--mount", "sh", "-ec", NAMESPACES)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    try (BufferedReader out = namespaces.inputReader()) {
      assertThat(out.readLine()).isEqualTo("made");
      Path process = Path.of("/proc", Long.toString(namespaces.pid()));
      Files.writeString(process.resolve("uid_map"), NOBODY);
      Files.writeString(process.resolve("gid_map"), NOBODY);
      Process tests = new ProcessBuilder(
              "nsenter",
              "--target=" + namespaces.pid(),
              "--mount",
              "--net",
              "--user",
              "sh",
              "-ec",
              "mount -t tmpfs tmpfs /run; exec \"$@\"", // for names of network namespaces
              "sh",
              ChildJvm.java().toString(),
              "-XX:TieredStopAtLevel=1",
              "-Xshare:auto",
              "-cp",
              readableClassPath(directory),
              ChildTests.class.getName(),
              "io.n0stack.n0core.net",
              TESTS,
              file.toString())
          .inheritIO()
          .start();
      try {
        assertThat(tests.waitFor(15, TimeUnit.MINUTES)).as("the tests end").isTrue();
        assertThat(tests.exitValue()).isZero();
      } finally {
        tests.destroyForcibly().waitFor();
      }
    } finally {
      namespaces.destroyForcibly().waitFor();
    }
    results = ChildResult.read(file);
  }

  /** Checkouts and Maven's repository are often closed to others. */
  private static String readableClassPath(Path directory) throws IOException {
    List<String> copies = new ArrayList<>();
    for (String entry : ChildJvm.classPath().split(":", -1)) {
      Path original = Path.of(entry);
      if (entry.isEmpty() || !Files.exists(original)) {
        continue;
      }
      Path copy = directory.resolve(copies.size() + "-" + original.getFileName());
      copy(original, copy);
      copies.add(copy.toString());
    }
    return String.join(":", copies);
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.walkFileTree(from, new SimpleFileVisitor<>() {
      @Override
      public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes)
          throws IOException {
        return copy(path, "rwxr-xr-x");
      }

      @Override
      public FileVisitResult visitFile(Path path, BasicFileAttributes attributes)
          throws IOException {
        return copy(path, "rw-r--r--");
      }

      private FileVisitResult copy(Path path, String permissions) throws IOException {
        Path copy = to.resolve(from.relativize(path).toString()).normalize();
        Files.copy(path, copy);
        Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString(permissions));
        return FileVisitResult.CONTINUE;
      }
    });
  }

  @TestFactory
  Stream<DynamicTest> asNobody() {
    return ChildResult.repeat(results);
  }

  @Test
  void everyClassRan() {
    assertThat(results)
        .extracting(result -> result.test().replaceFirst("(?s) .*", ""))
        .contains("WithoutPrivileges", "NetlinkIT", "TapIT");
  }
}
