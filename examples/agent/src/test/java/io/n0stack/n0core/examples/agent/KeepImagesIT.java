package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.qcow2.ImageInfo;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The lines of the how-to do what it says. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class KeepImagesIT {
  @TempDir
  Path home;

  @Test
  void anImageComesInBecomesDisksAndGoesOut() throws Exception {
    Path published = home.resolve("debian.qcow2");
    run("qemu-img", "create", "-q", "-f", "qcow2", published.toString(), "64M");
    run("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 1M", published.toString());
    Path target = home.resolve("web1.qcow2");

    KeepImages.main(new String[] {
      home.resolve("agent").toString(),
      home.resolve("volumes").toString(),
      published.toUri().toString(),
      "sha256:" + digest(published),
      target.toString()
    });

    assertThat(volumes())
        .hasSize(3)
        .anyMatch(name -> name.startsWith("debian."))
        .anyMatch(name -> name.startsWith("web1-root."))
        .anyMatch(name -> name.startsWith("web2-root."));
    ImageInfo exported = ImageInfo.read(target, ImageFormat.QCOW2);
    assertThat(exported.sizeBytes()).isEqualTo(20L << 30);
    assertThat(exported.header().orElseThrow().backingFile()).isEmpty();
    run("qemu-io", "-f", "qcow2", "-c", "read -P 7 1M 1M", target.toString());
  }

  private List<String> volumes() throws Exception {
    try (Stream<Path> all = Files.list(home.resolve("volumes"))) {
      return all.map(path -> path.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .toList();
    }
  }

  private static String digest(Path file) throws Exception {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
  }

  private static void run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).doesNotContain("failed");
  }
}
