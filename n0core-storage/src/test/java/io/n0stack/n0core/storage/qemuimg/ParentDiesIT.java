package io.n0stack.n0core.storage.qemuimg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

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
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A JVM that is killed while its qemu-img works. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ParentDiesIT {
  @TempDir
  Path directory;

  @Test
  void aRunThatWorksDiesWithUs() throws Exception {
    for (String kind : new String[] {"trusted", "foreign"}) {
      Path program = Images.script(
          directory.resolve("hang"), "trap '' TERM HUP INT\nwhile :; do sleep 0.1; done\n");
      Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
      Process parent = start(kind, program);
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> Processes.naming(directory).size() > 1 && isWorking(kind));

      parent.destroyForcibly().waitFor();

      assertThat(parent.exitValue()).isEqualTo(137);
      await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> {
        assertThat(Processes.naming(directory)).as(kind).isEmpty();
        assertThat(isWorking(kind)).as(kind).isFalse();
      });
    }
  }

  @Test
  void noRunOutlivesUsWheneverWeDie() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Path program = Images.script(directory.resolve("hang"), "exec tail -f \"$0\"\n");
    for (int kill = 0; kill < Repetition.of(12); kill++) {
      Process parent = start("trusted", program);
      parent.waitFor(random.nextInt(60), TimeUnit.MILLISECONDS);

      parent.destroyForcibly().waitFor();

      assertThat(parent.exitValue()).isEqualTo(137);
      await()
          .pollInterval(Duration.ofMillis(20))
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(
              () -> assertThat(Processes.naming(directory)).as("seed %s", seed).isEmpty());
    }
  }

  private boolean isWorking(String kind) throws IOException {
    // In the room the program has another name.
    String name =
        kind.equals("foreign") ? "/qemu-img" : directory.resolve("hang").toString();
    return Processes.running(name);
  }

  private Process start(String kind, Path program) throws IOException {
    Process process = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Images.classPath(),
            KilledParent.class.getName(),
            kind,
            program.toString(),
            directory.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    assertThat(out.readLine()).isEqualTo("ready");
    return process;
  }
}
