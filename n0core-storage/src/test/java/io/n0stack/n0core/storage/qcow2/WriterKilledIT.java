package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class WriterKilledIT {
  private static final int KILLS = 12;

  @TempDir
  Path directory;

  @Test
  void aKilledWriterLeavesWholeImagesOrWhatIsNone() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int images = 0;
    int grown = 0;
    // A test in which no kill hit a growth has shown nothing yet.
    for (int kill = 0; kill < Repetition.of(KILLS) || (grown == 0 && kill < 100); kill++) {
      Path left = Files.createDirectory(directory.resolve("kill" + kill));
      runAndKill(left, random);
      Batch batch = new Batch(directory);
      for (Path image : list(left)) {
        if (Files.size(image) == 0 || magic(image) == 0) {
          assertThatThrownBy(() -> Qcow2Header.read(image)).hasMessageContaining("must");
          continue;
        }
        long size = Qcow2Header.read(image).sizeBytes();
        assertThat(size % WriterChurn.SIZE).as("seed %s kill %s", seed, kill).isZero();
        PlainCheck.check(image);
        images++;
        grown += size > WriterChurn.SIZE ? 1 : 0;
        if (image.getFileName().toString().startsWith("image") || random.nextInt(100) == 0) {
          batch.add("qemu-img check -q -f qcow2 " + image + "; echo $?");
        }
      }
      assertThat(batch.run()).as("seed %s kill %s", seed, kill).allMatch("0\n"::equals);
    }
    assertThat(images).as("seed %s", seed).isPositive();
    assertThat(grown).as("kills that hit a growth, seed %s", seed).isPositive();
  }

  private static void runAndKill(Path left, Random random) throws Exception {
    Process process = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Images.classPath(),
            WriterChurn.class.getName(),
            left.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    try (BufferedReader out = new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(out.lines().anyMatch("ready"::equals)).isTrue();
      process.waitFor(random.nextInt(300), TimeUnit.MILLISECONDS);
      process.destroyForcibly();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("killed, not failed").isEqualTo(137);
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> paths = Files.list(directory)) {
      return paths.toList();
    }
  }

  private static int magic(Path image) throws IOException {
    try (java.io.InputStream in = Files.newInputStream(image)) {
      return in.read();
    }
  }
}
