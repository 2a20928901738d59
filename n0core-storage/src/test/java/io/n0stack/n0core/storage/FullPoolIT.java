package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class FullPoolIT {
  @TempDir
  Path directory;

  @Test
  void aFullFileSystemIsSaidAndHarmsNoOtherVolume() throws Exception {
    Path pool = Files.createDirectory(directory.resolve("pool"));
    byte[] content = new byte[4 << 20];
    new Random(7).nextBytes(content);
    Path image = Files.write(directory.resolve("large.raw"), content);

    Path foreign = Files.createTempFile(Path.of("/var/tmp"), "n0core-full-", ".vmdk");
    try {
      Images.qemuImg("convert", "-f", "raw", "-O", "vmdk", image, foreign);
      // It is read by a user who owns nothing.
      Files.setPosixFilePermissions(foreign, PosixFilePermissions.fromString("rw-r--r--"));
      requireSaid(pool, image, foreign);
    } finally {
      Files.delete(foreign);
    }
    assertThat(Images.tree(pool)).isEmpty();
  }

  @Test
  void workForWhichThereIsNoRoomIsRefusedAndCanBeDoneLater() throws Exception {
    Path pool = Files.createDirectory(directory.resolve("pool"));
    Path outside = Files.createDirectory(directory.resolve("outside"));

    String output = run(pool, "16m", FullMaintenance.class, outside);

    assertThat(output.lines().filter(line -> line.contains(" ok, refused ")))
        .as(output)
        .hasSize(12)
        .as("work that needs no room at all")
        .noneMatch(line -> line.endsWith(" refused 0"));
    assertThat(Images.tree(pool)).isEmpty();
  }

  private static void requireSaid(Path pool, Path image, Path foreign) {
    String output = run(pool, "2m", FullPool.class, image, foreign);

    assertThat(output)
        .contains(
            "copy EXHAUSTED",
            "download EXHAUSTED",
            "conversion EXHAUSTED",
            "old intact true",
            "half made true",
            "create EXHAUSTED",
            "export EXHAUSTED and nothing",
            "old still intact true",
            "left []");
  }

  /** Runs a program whose pool is a file system of its own. */
  private static String run(Path pool, String size, Class<?> program, Path... arguments) {
    // The mount is in a mount namespace that dies with the process.
    List<String> command = new ArrayList<>(List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"",
        "sh",
        size,
        pool.toString(),
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        Images.classPath(),
        program.getName(),
        pool.toString()));
    Stream.of(arguments).map(Path::toString).forEach(command::add);
    return Images.run(command);
  }
}
