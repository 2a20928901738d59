package io.n0stack.n0core.storage.seed;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** A kernel that runs as a process (Debian: {@code user-mode-linux}) and mounts an image. */
final class GuestMount {
  private static final String BOOT =
      "mount -t tmpfs -o size=256m tmpfs /run; exec timeout -s KILL 60 \"$@\"";

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
    ProcessBuilder guest = new ProcessBuilder(
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-ec",
        BOOT,
        "sh",
        "linux.uml",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        "quiet",
        "mem=128M",
        "uml_dir=/run",
        "ubd0r=" + image,
        "con=null",
        "con0=null,fd:1",
        "init=/bin/sh",
        "--",
        shared.resolve("mount.sh").toString());
    guest.environment().put("TMPDIR", "/run");
    guest.environment().put("HOME", "/run");
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
