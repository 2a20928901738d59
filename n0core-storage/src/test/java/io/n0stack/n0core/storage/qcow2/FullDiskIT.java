package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class FullDiskIT {
  @TempDir
  Path directory;

  @Test
  void aDiskThatFillsUpIsSaidAtEachWriteAndLeavesNothingHalf() throws Exception {
    Path disk = Files.createDirectory(directory.resolve("disk"));

    // The mount is in a mount namespace that dies with the process.
    String output = Images.run(List.of(
        "unshare",
        "-m",
        "sh",
        "-c",
        "mount -t tmpfs -o size=256k,huge=never tmpfs \"$1\" && exec \"$2\" -cp \"$3\" \"$4\" \"$1\"",
        "sh",
        disk.toString(),
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        Images.classPath(),
        FullDisk.class.getName()));

    for (int pages = 0; pages <= 6; pages++) {
      assertThat(output)
          .contains("create with " + pages + (pages < 4 ? " EXHAUSTED without a rest" : " done"));
    }
    assertThat(output)
        .contains("grow with 0 No space left on device true", "grow with 20 done true");
    assertThat(output).doesNotContain("false");
  }
}
