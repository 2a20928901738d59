package io.n0stack.n0core.storage.seed;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.child.UserModeLinux;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** A kernel that runs as a process (Debian: {@code user-mode-linux}) and mounts an image. */
final class GuestMount {
  private GuestMount() {}

  /**
   * Returns two lines for each way to mount it and each file: way, mode, owner, size, time and name;
   * and way, SHA-256 and name.
   */
  static List<String> seen(Path image, Path shared) throws IOException, InterruptedException {
    try (InputStream script = GuestMount.class.getResourceAsStream("mount.sh")) {
      Files.copy(Objects.requireNonNull(script, "mount.sh"), shared.resolve("mount.sh"));
    }
    Path console = shared.resolve("console");
    ProcessBuilder guest = UserModeLinux.kernel(
        shared,
        Duration.ofMinutes(1),
        List.of(
            "mem=128M",
            "ubd0r=" + image,
            "init=/bin/sh",
            "--",
            shared.resolve("mount.sh").toString()));
    Process running = guest
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectErrorStream(true)
        .redirectOutput(console.toFile())
        .start();
    try {
      assertThat(running.waitFor(90, TimeUnit.SECONDS)).as("the guest ends").isTrue();
    } finally {
      running.destroyForcibly().waitFor();
    }
    assertThat(shared.resolve("seen")).as(Files.readString(console)).exists();
    return Files.readAllLines(shared.resolve("seen"));
  }
}
