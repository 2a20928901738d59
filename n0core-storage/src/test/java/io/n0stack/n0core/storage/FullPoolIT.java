package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
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

  private static void requireSaid(Path pool, Path image, Path foreign) {
    // The mount is in a mount namespace that dies with the process.
    String output = Images.run(List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=2m tmpfs \"$1\" && exec \"$2\" -cp \"$3\" \"$4\" \"$1\" \"$5\" \"$6\"",
        "sh",
        pool.toString(),
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        Images.classPath(),
        FullPool.class.getName(),
        image.toString(),
        foreign.toString()));

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
}
